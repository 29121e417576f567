"""Evaluates the samples of the tests with PyTorch: scripts/record-torch calls it.

record_torch.py OUT SAMPLES...: SAMPLES are files that the test programs wrote, OUT is tests/torch_values.json. Each
sample's Python expression is evaluated in float64 and differentiated with the cotangent cos(k + 1) for element k of
each output.
"""

import json
import math
import sys

import torch


def read(value):
    return float(value)  # also "inf", "-inf" and "nan"


def write(value):
    if isinstance(value, (bool, int)):
        return int(value)
    if math.isfinite(value):
        return int(value) if value == int(value) and (value != 0 or math.copysign(1, value) > 0) else value
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def tensor(entry):
    if entry is None:
        return None
    dtype = getattr(torch, entry["dtype"])
    values = [read(v) for v in entry["values"]]
    x = torch.tensor(values, dtype=torch.float64).to(dtype).reshape(entry["shape"])
    return x.requires_grad_() if entry.get("gradient") else x


def flat(x):
    return [write(v) for v in x.detach().reshape(-1).tolist()]


def function(sample):
    return eval(f"lambda x: ({sample['torch']})", {"torch": torch})


def outputs_of(y):
    return list(y) if isinstance(y, (tuple, list)) else [y]


def with_gradient(tensors):
    return [v for v in tensors if v is not None and v.requires_grad]


def cotangent(output):
    angles = torch.arange(1, output.numel() + 1, dtype=torch.float64)
    return torch.cos(angles).reshape(output.shape).to(output.dtype)


def record(sample):
    x = [tensor(entry) for entry in sample["inputs"]]
    outputs = outputs_of(function(sample)(x))
    reached, wanted = with_gradient(outputs), with_gradient(x)
    cotangents = [cotangent(o) for o in reached]
    gradients = [None] * len(wanted)
    if reached and wanted:
        gradients = torch.autograd.grad(reached, wanted, cotangents, allow_unused=True)
    gradients = [torch.zeros_like(v) if g is None else g for v, g in zip(wanted, gradients)]
    return {
        "fingerprint": sample["fingerprint"],
        "shapes": [list(o.shape) for o in outputs],
        "outputs": [flat(o) for o in outputs],
        "gradients": [flat(g) for g in gradients],
    }


def main(out, *files):
    torch.set_num_threads(1)
    samples = {}
    for file in files:
        with open(file) as f:
            samples.update(json.load(f))
    lines = []
    for name, sample in sorted(samples.items()):
        try:
            lines.append(f"{json.dumps(name)}: {json.dumps(record(sample), separators=(',', ':'), allow_nan=False)}")
        except Exception as error:
            sys.exit(f"{name}: {sample['torch']}: {error}")
    with open(out, "w") as f:
        f.write(f'{{"torch": "{torch.__version__}", "samples": {{\n' + ",\n".join(lines) + "\n}}\n")
    print(f"{len(lines)} samples recorded with PyTorch {torch.__version__}")


if __name__ == "__main__":
    main(*sys.argv[1:])
