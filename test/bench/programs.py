"""Times torch.autograd.gradcheck, complete, in float64, on a net that programs.mjs saved: python3 programs.py NET FILE

The file holds parameter.NAME, data.NAME, indices0, … and the cost, which the net written here must have.
"""

import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

SHORT_SECONDS = 1
REPETITIONS_OF_SHORT = 5


def convolutional(p, x, indices):
    h = F.conv2d(x["x"], p["w1"], padding=1)
    h = F.max_pool2d(F.relu(F.batch_norm(h, None, None, p["g1"], p["be1"], training=True)), 2)
    h = F.conv2d(h, p["w2"])
    h = F.max_pool2d(F.relu(F.batch_norm(h, None, None, p["g2"], p["be2"], training=True)), 2)
    return F.cross_entropy(F.linear(h.flatten(1), p["w3"], p["b3"]), indices[0])


def transformer(p, x, indices, samples=2, tokens=16, heads=4):
    width = p["E"].shape[1]
    dense = lambda h, name: F.linear(h, p[name], p[name + "_b"])
    norm = lambda h, name: F.layer_norm(h, (width,), p[name + "_g"], p[name + "_b"])
    split = lambda h: h.reshape(samples, tokens, heads, width // heads).transpose(1, 2)
    mask = torch.full((tokens, tokens), -torch.inf, dtype=torch.float64).triu(1)
    h = p["E"][indices[0].reshape(samples, tokens)] + p["position"]
    layers = sum(name.startswith("q_") and not name.endswith("_b") for name in p)
    for l in range(layers):
        own = norm(h, f"n1_{l}")
        q, k, v = (split(dense(own, f"{name}_{l}")) for name in "qkv")
        weights = F.softmax(q @ k.transpose(2, 3) / (width // heads) ** 0.5 + mask, -1)
        h = h + dense((weights @ v).transpose(1, 2).reshape(samples, tokens, width), f"o_{l}")
        h = h + dense(F.gelu(dense(norm(h, f"n2_{l}"), f"f1_{l}")), f"f2_{l}")
    return F.cross_entropy(F.linear(norm(h, "last"), p["E"]).reshape(samples * tokens, -1), indices[1])


def main():
    name, path = sys.argv[1:]
    net = {"convolutional": convolutional, "transformer": transformer}[name]
    with np.load(path) as file:
        arrays = {key: torch.tensor(file[key]) for key in file.files}
    group = lambda start: {key[len(start) :]: value for key, value in arrays.items() if key.startswith(start)}
    parameters = {key: value.requires_grad_() for key, value in group("parameter.").items()}
    indices = [arrays[f"indices{k}"].long() for k in range(len(group("indices")))]
    loss = lambda *values: net(dict(zip(parameters, values)), group("data."), indices)
    inputs = tuple(parameters.values())
    cost, expected = loss(*inputs).item(), arrays["cost"].item()
    if abs(cost - expected) > 1e-12 * abs(expected):
        sys.exit(f"the cost is {cost}, not {expected}: another net")
    runs = []
    while not runs or (runs[0][0] < SHORT_SECONDS and len(runs) < REPETITIONS_OF_SHORT):
        started, processor = time.perf_counter(), time.process_time()
        torch.autograd.gradcheck(loss, inputs)
        runs.append((time.perf_counter() - started, time.process_time() - processor))
    seconds, processor = min(runs)
    print(json.dumps({"seconds": seconds, "processor": processor, "version": f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads"}))


main()
