"""PyTorch's values of tests/lstm_test.cpp and tests/transformer_test.cpp, and its run of examples/16_transformer.cpp.

record_sequence_models.py            prints the recorded numbers.
record_sequence_models.py train SEED trains the transformer as the example does and prints the validation loss.
"""

import gzip
import sys
from pathlib import Path

import torch
from torch import nn

TEXT = Path(__file__).parent.parent / "data/text/us-constitution-excerpt.txt"
CONTEXT = 64


def set_weights(net):
    """Numbers that look random, the same in every language."""
    with torch.no_grad():
        for i, (name, p) in enumerate(net.named_parameters()):
            k = torch.arange(1, p.numel() + 1, dtype=torch.float64)
            u = torch.frac(43758.5453 * torch.sin(12.9898 * k + 78.233 * i)).abs()
            base = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            p.copy_((base + 0.2 * (u - 0.5)).reshape(p.shape))


class Transformer(nn.Module):
    def __init__(self, characters, dropout):
        super().__init__()
        self.what, self.where = nn.Embedding(characters, 128), nn.Embedding(CONTEXT, 128)
        layer = nn.TransformerEncoderLayer(128, 4, 512, dropout, "gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, 2, nn.LayerNorm(128), enable_nested_tensor=False)
        self.next = nn.Linear(128, characters)

    def forward(self, x):
        t = x.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(t, dtype=self.where.weight.dtype)
        return self.next(self.blocks(self.what(x) + self.where.weight[:t], mask, is_causal=True))


def encoded(text):
    number = {c: i for i, c in enumerate(sorted(set(text)))}
    return torch.tensor([number[c] for c in text]), len(number)


def batch(sequence, starts):
    rows = torch.stack([sequence[s : s + CONTEXT + 1] for s in starts])
    return rows[:, :-1], rows[:, 1:]


def loss_of(net, x, y):
    return nn.functional.cross_entropy(net(x).flatten(0, 1), y.flatten())


def transformer_steps():
    sequence, characters = encoded(TEXT.read_text())
    net = Transformer(characters, 0.0).double()
    set_weights(net)
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    losses = []
    for step in range(50):
        loss = loss_of(net, *batch(sequence, [(4 * step + i) * 37 for i in range(4)]))
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return losses


def lstm():
    net = nn.LSTM(4, 5, 3, bidirectional=True).double()
    set_weights(net)
    x = torch.sin(torch.arange(1, 6 * 3 * 4 + 1, dtype=torch.float64)).reshape(6, 3, 4)
    packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([4, 6, 2]), enforce_sorted=False)
    y, (h, c) = net(packed)
    y, _ = nn.utils.rnn.pad_packed_sequence(y, total_length=6)
    weights = torch.cos(torch.arange(1, y.numel() + 1, dtype=torch.float64)).reshape(y.shape)
    loss = (y * weights).sum() + h.sum() - 2 * (c * c).sum()
    loss.backward()
    return [loss.item(), *y.flatten()[:6].tolist()], [p.grad.norm().item() for p in net.parameters()]


def train(seed):
    torch.manual_seed(seed)
    with gzip.open("/usr/share/state/us-constitution.gz", "rt") as f:
        sequence, characters = encoded(f.read())
    first = round(0.9 * len(sequence))
    training, validation = sequence[:first], sequence[first:]
    net = Transformer(characters, 0.2)
    count, size = len(training) - CONTEXT, 32
    batches = [starts for _ in range(2) for starts in torch.randperm(count).split(size)]
    steps = len(batches)
    adam = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 2e-3, steps, cycle_momentum=False)
    for step, starts in enumerate(batches):
        loss = loss_of(net, *batch(training, starts))
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        if step + 1 < steps:
            schedule.step()
        if (step + 1) % 100 == 0 or step + 1 == steps:
            net.eval()
            with torch.no_grad():
                starts = range(0, len(validation) - CONTEXT, CONTEXT)
                print(step + 1, loss.item(), loss_of(net, *batch(validation, starts)).item(), flush=True)
            net.train()


if sys.argv[1:2] == ["train"]:
    torch.set_num_threads(1)
    train(int(sys.argv[2]))
else:
    print("transformer, loss of each step:", transformer_steps())
    print("lstm, loss and first outputs, norms of gradients:", *lstm())
