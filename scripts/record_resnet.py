"""Writes tests/resnet_values.h: what PyTorch makes of the small residual network of tests/nets_test.cpp in 100 steps.

record_resnet.py OUT

Weights, images and labels are formulas, so that no file holds them. Everything is float64.
"""

import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


class Block(nn.Module):
    def __init__(self, inputs, outputs, residual):
        super().__init__()
        self.residual, self.stride, self.new = residual, 1 if inputs == outputs else 2, outputs - inputs
        self.conv1 = nn.Conv2d(inputs, outputs, 3, self.stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.residual:
            y = y + F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new))
        return F.relu(y)


class ResNet(nn.Module):
    def __init__(self, n, residual, widths, channels, classes):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(channels, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0])
        inputs, blocks = widths[0], []
        for width in widths:
            for _ in range(n):
                blocks.append(Block(inputs, width, residual))
                inputs = width
        self.blocks, self.fc = nn.ModuleList(blocks), nn.Linear(inputs, classes)

    def forward(self, x):
        x = F.relu(self.bn(self.conv(x)))
        for block in self.blocks:
            x = block(x)
        return self.fc(x.mean((2, 3)))


def wave(shape, k):
    return torch.sin(torch.arange(1, torch.Size(shape).numel() + 1) * (0.7 + 0.1 * k)).reshape(shape)


def run(residual):
    net = ResNet(1, residual, (4, 6, 8), 2, 5)
    with torch.no_grad():
        for k, p in enumerate(net.parameters()):
            if p.dim() > 1:
                p.copy_(wave(p.shape, k) * (2 / p[0].numel()) ** 0.5)
        net.fc.bias.zero_()
    sgd = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    losses = []
    for step in range(100):
        x, y = wave((8, 2, 10, 10), step % 7), (torch.arange(8) + step % 7) % 5
        sgd.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    net.eval()
    with torch.no_grad():
        return losses, net(wave((1, 2, 10, 10), 3)).flatten().tolist()


with open(sys.argv[1], "w") as out:
    out.write(f"// What PyTorch {torch.__version__} computes: scripts/record_resnet.py.\n#pragma once\n\n#include <vector>\n\n")
    out.write("namespace resnet_values {\n\n")
    for name, residual in ("residual", True), ("plain", False):
        losses, answer = run(residual)
        print(name, losses[0], losses[50], losses[-1], answer)
        for what, values in ("losses", losses[9::10]), ("answer", answer):
            out.write(f"// {'Of steps 10, 20, … 100.' if what == 'losses' else 'After them, by the running statistics.'}\n")
            out.write(f"inline const std::vector<double> {name}_{what} = {{{', '.join(map(repr, values))}}};\n")
    out.write("\n}  // namespace resnet_values\n")
