"""Times what people check gradients with today, on a case that run.mjs saved.

    python3 peers.py --probe
    python3 peers.py case.npz --activations tanh,sigmoid --loss binary-cross-entropy --methods numpy-loop,torch-func

The file holds X (features, samples), Y (outputs, samples), W1, b1, … with weights (outputs, inputs), and the gradients
dW1, db1, … by float64 backpropagation. Each measurement is one line of JSON on stdout:

    name        the method
    device      "cpu" or "cuda"; deviceName the GPU's name
    precision   what the losses are computed in
    seconds     for all parameters; calculated where `scaled`
    measured    parameters that were really perturbed and timed, of `total`
    cores       how many processor cores were busy, on average
    scaled      True when `seconds` was calculated from a random part
    difference  ‖g − ĝ‖₂ / (‖g‖₂ + ‖ĝ‖₂) over the measured parameters, g from the file
    version, peakMemoryBytes, remarks; or `error` instead of a measurement

A method that would take longer than --limit seconds is timed on a random part of its perturbations, for about
--budget seconds, and scaled.
"""

import argparse
import functools
import importlib
import json
import math
import resource
import sys
import time

try:
    import numpy as np
except ImportError:
    np = None

MIB = 2**20
PROBE_SECONDS = 0.5
SHORT_SECONDS = 1
REPETITIONS_OF_SHORT = 5


# --- the case -----------------------------------------------------------------------------------------------------


class Case:
    """A network at a point: arrays as the file has them, the layers' activations and the loss by name."""

    def __init__(self, path, activations, loss):
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        self.X, self.Y = arrays["X"], arrays["Y"]
        self.activations, self.loss = activations, loss
        layers = range(1, len(activations) + 1)
        self.names = [name for l in layers for name in (f"W{l}", f"b{l}")]
        self.parameters = {name: arrays[name] for name in self.names}
        self.gradient = np.concatenate([arrays["d" + name].ravel() for name in self.names])
        self.sizes = [self.parameters[name].size for name in self.names]
        self.starts = np.cumsum([0] + self.sizes)
        self.total = int(self.starts[-1])

    @property
    def samples(self):
        return self.X.shape[1]

    def split(self, indices):
        """Numbers below `total` as (tensor, element), in the same order."""
        tensors = np.searchsorted(self.starts, indices, side="right") - 1
        return tensors, indices - self.starts[tensors]


def difference(true, numerical):
    """The seeds' figure: ‖g − ĝ‖₂ / (‖g‖₂ + ‖ĝ‖₂)."""
    scale = np.linalg.norm(true) + np.linalg.norm(numerical)
    return 0.0 if scale == 0 else float(np.linalg.norm(true - numerical) / scale)


def choose_elements(count, total, seed=0):
    """`count` different numbers below `total`, chosen at random; all of them in order when there are no more."""
    if count >= total:
        return np.arange(total)
    return np.random.default_rng(seed).choice(total, size=count, replace=False)


def repeat_short(measure):
    """What `measure` gives, its seconds first; of five when that is short, the one in the middle."""
    runs = [measure()]
    if runs[0][0] < SHORT_SECONDS:
        runs += [measure() for _ in range(REPETITIONS_OF_SHORT - 1)]
    return sorted(runs, key=lambda run: run[0])[len(runs) // 2]


# --- the notebooks' loop ------------------------------------------------------------------------------------------

LOOP_STEP = 1e-7  # the notebooks' epsilon


def numpy_cost(case, parameters):
    """J: one whole forward pass, as a notebook writes it."""
    A = case.X
    for l, activation in enumerate(case.activations, 1):
        Z = np.dot(parameters[f"W{l}"], A) + parameters[f"b{l}"]
        if activation == "relu":
            A = np.maximum(0, Z)
        elif activation == "tanh":
            A = np.tanh(Z)
        elif activation == "sigmoid":
            A = 1 / (1 + np.exp(-Z))
        else:
            A = Z
    Y, m = case.Y, case.samples
    if case.loss == "binary-cross-entropy":
        return -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
    if case.loss == "softmax-cross-entropy":
        shifted = A - A.max(axis=0)
        return np.sum(np.log(np.sum(np.exp(shifted), axis=0)) - np.sum(Y * shifted, axis=0)) / m
    return 0.5 * np.sum((A - Y) ** 2)


def slopes_from_copies(case, indices):
    """(J(θ + ε) − J(θ − ε)) / 2ε for each of the parameters, as the notebooks do it: the parameters are one vector,
    copied for each perturbation and taken apart again for the forward pass."""
    values = np.concatenate([case.parameters[name].reshape(-1) for name in case.names])

    def vector_to_dictionary(theta):
        return {
            name: theta[start : start + size].reshape(case.parameters[name].shape)
            for name, start, size in zip(case.names, case.starts, case.sizes)
        }

    result = np.empty(len(indices))
    for k, i in enumerate(indices):
        theta_plus = np.copy(values)
        theta_plus[i] = theta_plus[i] + LOOP_STEP
        J_plus = numpy_cost(case, vector_to_dictionary(theta_plus))
        theta_minus = np.copy(values)
        theta_minus[i] = theta_minus[i] - LOOP_STEP
        J_minus = numpy_cost(case, vector_to_dictionary(theta_minus))
        result[k] = (J_plus - J_minus) / (2 * LOOP_STEP)
    return result


def slopes_in_place(case, indices):
    """The same without copies: each parameter is changed where it is and restored."""
    flat = [case.parameters[name].reshape(-1) for name in case.names]
    tensors, elements = case.split(indices)
    result = np.empty(len(indices))
    for k, (t, element) in enumerate(zip(tensors.tolist(), elements.tolist())):
        values = flat[t]
        kept = values[element]
        values[element] = kept + LOOP_STEP
        J_plus = numpy_cost(case, case.parameters)
        values[element] = kept - LOOP_STEP
        J_minus = numpy_cost(case, case.parameters)
        values[element] = kept
        result[k] = (J_plus - J_minus) / (2 * LOOP_STEP)
    return result


def run_numpy_loop(slopes):
    def run(case, limit, budget):
        return [numpy_loop(slopes, case, limit, budget)]

    return run


def numpy_loop(slopes, case, limit, budget):
    def perturb(indices):
        started = time.perf_counter()
        result = slopes(case, indices)
        return time.perf_counter() - started, result

    perturb(choose_elements(2, case.total))
    count, seconds = 1, 0.0
    while seconds < PROBE_SECONDS and count < case.total:
        count = min(case.total, 2 * count)
        seconds, _ = perturb(choose_elements(count, case.total))
    each = seconds / count
    count = case.total if each * case.total <= limit else min(case.total, max(count, int(budget / each)))
    indices = choose_elements(count, case.total, seed=1)
    seconds, numerical = repeat_short(lambda: perturb(indices))
    return {
        "device": "cpu",
        "precision": "float64",
        "seconds": seconds * case.total / count,
        "measured": count,
        "difference": difference(case.gradient[indices], numerical),
        "version": f"NumPy {np.__version__} ({name_blas()})",
    }


# --- PyTorch ------------------------------------------------------------------------------------------------------


class TorchCase:
    """The case as PyTorch's users lay it out: X (samples, features), XWᵀ + b."""

    def __init__(self, case, torch, device, dtype):
        self.case, self.torch, self.device, self.dtype = case, torch, device, dtype
        self.X = self.move(case.X.T)
        self.Y = self.move(case.Y.T)
        # one storage for all, so that a few elements of any tensor can be set by one call
        self.flat = torch.empty(case.total, dtype=dtype, device=device)
        self.parameters = []
        for t, name in enumerate(case.names):
            array = case.parameters[name]
            view = self.flat[int(case.starts[t]) : int(case.starts[t + 1])]
            view.copy_(self.move(array).reshape(-1))
            self.parameters.append(view.view(array.shape if name.startswith("W") else -1))

    def move(self, array):
        return self.torch.tensor(np.ascontiguousarray(array), dtype=self.dtype, device=self.device)

    def activate(self, l, Z):
        activation = self.case.activations[l]
        return Z if activation == "linear" else getattr(self.torch, activation)(Z)

    def layer(self, l, A, W, b):
        """Z = AWᵀ + b of layer l, counted from 0."""
        return self.torch.nn.functional.linear(A, W, b)

    def tail(self, l, Z, parameters):
        """J from the pre-activation of layer l on."""
        A = self.activate(l, Z)
        for q in range(l + 1, len(self.case.activations)):
            A = self.activate(q, self.layer(q, A, parameters[2 * q], parameters[2 * q + 1]))
        Y, m = self.Y, self.case.samples
        if self.case.loss == "binary-cross-entropy":
            return -(Y * self.torch.log(A) + (1 - Y) * self.torch.log(1 - A)).sum() / m
        if self.case.loss == "softmax-cross-entropy":
            return (self.torch.logsumexp(A, 1) - (Y * A).sum(1)).sum() / m
        return 0.5 * ((A - Y) ** 2).sum()

    def loss(self, *parameters):
        return self.tail(0, self.layer(0, self.X, parameters[0], parameters[1]), parameters)

    def activations_before(self, l):
        """What enters layer l at the base point, (samples, inputs)."""
        A = self.X
        for q in range(l):
            A = self.activate(q, self.layer(q, A, self.parameters[2 * q], self.parameters[2 * q + 1]))
        return A

    def leaves(self):
        """The parameters as leaves that share the storage `flat`."""
        return [parameter.detach().requires_grad_() for parameter in self.parameters]

    def wait(self):
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def describe(self):
        on_gpu = self.device == "cuda"
        if on_gpu:
            name = self.torch.cuda.get_device_name()
            version = f"PyTorch {self.torch.__version__} (CUDA {self.torch.version.cuda})"
        else:
            name, version = None, f"PyTorch {self.torch.__version__} ({name_blas()})"
        return {
            "device": self.device,
            "deviceName": name,
            "precision": str(self.dtype).replace("torch.", ""),
            "version": version,
            "peakDeviceMemoryBytes": self.torch.cuda.max_memory_allocated() if on_gpu else None,
        }


def list_devices(torch):
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


class GradcheckFigures:
    """Reads gradcheck's own numbers where it compares them, since it returns only that they agree."""

    def __init__(self):
        # torch.autograd.gradcheck is the function; the module of that name hides behind it
        self.module = importlib.import_module("torch.autograd.gradcheck")
        self.compare = getattr(self.module, "_allclose_with_type_promotion", None)
        self.analytical, self.numerical = [], []

    def __enter__(self):
        if self.compare is not None:

            def keep(a, b, *rest):
                self.analytical.append(a.detach().reshape(-1).cpu().numpy())
                self.numerical.append(b.detach().reshape(-1).cpu().numpy())
                return self.compare(a, b, *rest)

            self.module._allclose_with_type_promotion = keep
        return self

    def __exit__(self, *_):
        if self.compare is not None:
            self.module._allclose_with_type_promotion = self.compare

    @property
    def found(self):
        return len(self.numerical) > 0

    def difference_from(self, true):
        numerical = np.concatenate(self.numerical) if self.found else np.empty(0)
        return difference(true, numerical) if numerical.size == true.size else None

    @property
    def own_difference(self):
        return difference(np.concatenate(self.analytical), np.concatenate(self.numerical)) if self.found else None


def time_gradcheck(torch_case, function, inputs, **options):
    """The seconds of one torch.autograd.gradcheck, its numbers, and its complaint, if any, in one line."""
    remarks = []
    with GradcheckFigures() as figures:
        torch_case.wait()
        started = time.perf_counter()
        try:
            torch_case.torch.autograd.gradcheck(function, inputs, **options)
        except RuntimeError as error:  # GradcheckError is one
            if type(error).__name__ != "GradcheckError":
                raise
            remarks.append("gradcheck fails: " + (str(error).strip().splitlines() or ["no reason given"])[0])
        torch_case.wait()
        seconds = time.perf_counter() - started
    return seconds, figures, remarks


def reduce_loss(torch_case, indices):
    """The loss as a function of a few parameters, the rest fixed, for gradcheck on a part. Writing the few into the
    parameters' own storage keeps a pass as cheap as a pass of the whole function."""
    torch = torch_case.torch
    chosen = torch.tensor(indices, dtype=torch.int64, device=torch_case.device)
    leaves = torch_case.leaves()

    class LossOfFew(torch.autograd.Function):
        @staticmethod
        def forward(context, theta):
            torch_case.flat.index_copy_(0, chosen, theta.detach())
            # the whole function records its graph in gradcheck's passes too
            with torch.enable_grad():
                return torch_case.loss(*leaves).detach()

        @staticmethod
        def backward(context, upstream):
            with torch.enable_grad():
                gradients = torch.autograd.grad(torch_case.loss(*leaves), leaves)
            return upstream * torch.cat([gradient.reshape(-1) for gradient in gradients])[chosen]

    return LossOfFew.apply, torch_case.flat[chosen].clone().requires_grad_()


def run_gradcheck(case, torch, limit, budget):
    return [gradcheck_on(TorchCase(case, torch, device, torch.float64), limit, budget) for device in list_devices(torch)]


def gradcheck_on(torch_case, limit, budget):
    case = torch_case.case

    def check_few(count, seed):
        indices = choose_elements(count, case.total, seed)
        seconds, figures, remarks = time_gradcheck(torch_case, *reduce_loss(torch_case, indices))
        return seconds, figures.difference_from(case.gradient[indices]), remarks

    few = min(2, case.total)
    check_few(few, 0)
    fixed, _, _ = check_few(few, 0)
    count, seconds = few, 0.0
    while seconds < fixed + PROBE_SECONDS and count < case.total:
        count = min(case.total, 4 * count)
        seconds, _, _ = check_few(count, 1)
    each = max(0.0, seconds - fixed) / max(1, count - few)
    if fixed + each * case.total <= limit:
        leaves = tuple(torch_case.leaves())
        seconds, figures, remarks = repeat_short(lambda: time_gradcheck(torch_case, torch_case.loss, leaves))
        measured, error = case.total, figures.difference_from(case.gradient)
    else:
        measured = min(case.total, max(count, int(budget / max(each, 1e-9))))
        part, error, remarks = check_few(measured, 2)
        # what gradcheck does once, whatever the number of elements, is not scaled
        seconds = part + max(0.0, part - fixed) / (measured - few) * (case.total - measured)
    return {**torch_case.describe(), "seconds": seconds, "measured": measured, "difference": error, "remarks": remarks}


def run_gradcheck_fast(case, torch, limit, budget):
    rows = []
    for device in list_devices(torch):
        torch_case = TorchCase(case, torch, device, torch.float64)
        leaves = tuple(torch_case.leaves())
        check = functools.partial(time_gradcheck, torch_case, torch_case.loss, leaves, fast_mode=True)
        check()
        seconds, figures, remarks = repeat_short(check)
        rows.append(
            {
                **torch_case.describe(),
                "seconds": seconds,
                "measured": case.total,
                "complete": False,
                "difference": figures.own_difference,
                "remarks": [f"one random direction a tensor, {len(leaves)} numbers compared", *remarks],
            }
        )
    return rows


def find_vmap(torch):
    """torch.func.vmap (PyTorch 2), or functorch's of PyTorch 1.13."""
    if hasattr(torch, "func"):
        return torch.func.vmap
    try:
        return importlib.import_module("functorch").vmap
    except ImportError:
        raise LookupError(f"PyTorch {torch.__version__} has neither torch.func nor functorch") from None


# ε^(1/3), the step at which rounding and truncation of a central difference balance
STEPS = {"float64": (2.0**-52) ** (1 / 3), "float32": (2.0**-23) ** (1 / 3)}


class PerturbedWeights:
    """torch.func.vmap over one-hot perturbations of one parameter tensor: each perturbation has its own copy of it."""

    name = "torch-func"

    def __init__(self, torch_case, vmap, t):
        self.torch_case, self.shape = torch_case, torch_case.parameters[t].shape
        self.step = STEPS[str(torch_case.dtype).replace("torch.", "")]
        parameters = torch_case.parameters

        def slope(one_hot):
            plus, minus = list(parameters), list(parameters)
            plus[t] = parameters[t] + self.step * one_hot
            minus[t] = parameters[t] - self.step * one_hot
            return (torch_case.loss(*plus) - torch_case.loss(*minus)) / (2 * self.step)

        self.slopes = vmap(slope)
        outputs = [torch_case.parameters[2 * q].shape[0] for q in range(len(torch_case.case.activations))]
        # one-hot and the perturbed copy; Z and A of both signs
        numbers = 2 * parameters[t].numel() + 4 * torch_case.case.samples * max(outputs)
        self.bytes_each = numbers * parameters[t].element_size()

    def evaluate(self, elements):
        """∂J/∂θ of these elements of the tensor."""
        torch = self.torch_case.torch
        one_hot = torch.zeros(
            (len(elements), math.prod(self.shape)), dtype=self.torch_case.dtype, device=self.torch_case.device
        )
        one_hot.scatter_(1, elements[:, None], 1.0)
        return self.slopes(one_hot.view(-1, *self.shape))


class PerturbedRows:
    """The same by somebody who sees that a weight W[i,j] changes one unit of its layer: the layers before are computed
    once, the change is added to Z's column i, and vmap runs over what follows."""

    name = "torch-func-rows"

    def __init__(self, torch_case, vmap, t):
        self.torch_case, self.shape = torch_case, torch_case.parameters[t].shape
        self.step = STEPS[str(torch_case.dtype).replace("torch.", "")]
        torch, l = torch_case.torch, t // 2
        parameters = torch_case.parameters
        A = torch_case.activations_before(l)
        Z = torch_case.layer(l, A, parameters[2 * l], parameters[2 * l + 1])
        self.sources = A.T.contiguous() if t % 2 == 0 else torch.ones_like(A[:, :1]).T
        self.units = torch.eye(Z.shape[1], dtype=torch_case.dtype, device=torch_case.device)

        def slope(source, unit):
            change = self.step * torch.outer(source, unit)
            plus = torch_case.tail(l, Z + change, parameters)
            minus = torch_case.tail(l, Z - change, parameters)
            return (plus - minus) / (2 * self.step)

        self.slopes = vmap(slope)
        outputs = [parameters[2 * q].shape[0] for q in range(l, len(torch_case.case.activations))]
        self.bytes_each = 6 * torch_case.case.samples * max(outputs) * Z.element_size()

    def evaluate(self, elements):
        inputs = self.shape[1] if len(self.shape) == 2 else 1
        units = self.torch_case.torch.div(elements, inputs, rounding_mode="floor")
        return self.slopes(self.sources[elements % inputs], self.units[units])


CHUNK_BYTES = {"cpu": (16 * MIB, 64 * MIB, 256 * MIB), "cuda": (256 * MIB, 1024 * MIB, 4096 * MIB)}


def run_torch_func(formulation):
    def run(case, torch, limit, budget):
        vmap = find_vmap(torch)
        kinds = [("cpu", torch.float64)]
        if torch.cuda.is_available():
            kinds += [("cuda", torch.float64), ("cuda", torch.float32)]
        with torch.no_grad():
            return [
                torch_func_on(TorchCase(case, torch, device, dtype), vmap, formulation, limit, budget)
                for device, dtype in kinds
            ]

    return run


def torch_func_on(torch_case, vmap, formulation, limit, budget):
    case, torch = torch_case.case, torch_case.torch
    if torch_case.device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.cuda.reset_peak_memory_stats()

    def time_chunk(perturbed, elements):
        torch_case.wait()
        started = time.perf_counter()
        result = perturbed.evaluate(elements)
        torch_case.wait()
        return time.perf_counter() - started, result

    def elements_of(t, order, start, count):
        return torch.as_tensor(order[start : start + count], dtype=torch.int64, device=torch_case.device)

    def chunk_size(perturbed, t, chunk_bytes):
        return max(1, min(case.sizes[t], chunk_bytes // perturbed.bytes_each))

    def probe(perturbed, t, chunk_bytes):
        """Seconds for a perturbation in chunks of that size, after a first chunk that is not timed."""
        elements = elements_of(t, choose_elements(chunk_size(perturbed, t, chunk_bytes), case.sizes[t]), 0, case.sizes[t])
        time_chunk(perturbed, elements)
        return time_chunk(perturbed, elements)[0] / len(elements)

    # the chunk's size that suits the largest tensor
    largest = max(range(len(case.sizes)), key=lambda t: case.sizes[t])
    perturbed = formulation(torch_case, vmap, largest)
    chunk_bytes = min(CHUNK_BYTES[torch_case.device], key=lambda size: probe(perturbed, largest, size))

    estimates = [
        probe(formulation(torch_case, vmap, t), t, chunk_bytes) * case.sizes[t] for t in range(len(case.sizes))
    ]
    complete = sum(estimates) <= limit

    def evaluate_tensors():
        seconds, measured, true, numerical = 0.0, 0, [], []
        for t, size in enumerate(case.sizes):
            perturbed = formulation(torch_case, vmap, t)
            count = chunk_size(perturbed, t, chunk_bytes)
            # chunks of neighbours where all are done, a random part otherwise
            order = np.arange(size) if complete else np.random.default_rng(t).permutation(size)
            share = math.inf if complete else budget * estimates[t] / sum(estimates)
            spent, done = 0.0, 0
            while done < size and (done == 0 or spent < share):
                taken, result = time_chunk(perturbed, elements_of(t, order, done, count))
                spent += taken
                chosen = order[done : done + count]
                done += len(chosen)
                true.append(case.gradient[case.starts[t] + chosen])
                numerical.append(result.double().cpu().numpy())
            seconds += spent * size / done
            measured += done
        return seconds, measured, difference(np.concatenate(true), np.concatenate(numerical))

    seconds, measured, error = repeat_short(evaluate_tensors)
    return {
        **torch_case.describe(),
        "seconds": seconds,
        "measured": measured,
        "difference": error,
        "chunkBytes": chunk_bytes,
    }


MATRIX_SIZE = 2048


def run_torch_matmul(case, torch, limit, budget):
    """The rate of torch.matmul in float32 without TF32, which the fused kernel is judged by."""
    if not torch.cuda.is_available():
        raise LookupError("PyTorch sees no CUDA device")
    torch.backends.cuda.matmul.allow_tf32 = False
    n, repetitions = MATRIX_SIZE, 50
    a = torch.randn(n, n, device="cuda")
    b = torch.randn(n, n, device="cuda")
    for _ in range(10):
        c = a @ b
    best = math.inf
    for _ in range(5):
        torch.cuda.synchronize()
        started = time.perf_counter()
        for _ in range(repetitions):
            torch.matmul(a, b, out=c)
        torch.cuda.synchronize()
        best = min(best, (time.perf_counter() - started) / repetitions)
    exact = a.double() @ b.double()
    return [
        {
            "device": "cuda",
            "deviceName": torch.cuda.get_device_name(),
            "precision": "float32",
            "seconds": best,
            "multiplyAddsPerSecond": n**3 / best,
            "difference": difference(exact.cpu().numpy().ravel(), c.double().cpu().numpy().ravel()),
            "version": f"PyTorch {torch.__version__} (CUDA {torch.version.cuda})",
        }
    ]


# --- the process --------------------------------------------------------------------------------------------------


def name_blas():
    """Which matrix library this process really loaded, read from its memory map; Linux only."""
    try:
        with open("/proc/self/maps") as maps:
            loaded = maps.read().lower()
    except OSError:
        return "BLAS unknown"
    for sign, name in (
        ("libmkl", "MKL"),
        ("mkl_", "MKL"),
        ("openblas", "OpenBLAS"),
        ("blis", "BLIS"),
        ("libblas", "reference BLAS"),
        ("libtorch_cpu", "BLAS linked in"),
    ):
        if sign in loaded:
            return name
    return "BLAS unknown"


def import_torch():
    try:
        return importlib.import_module("torch")
    except ImportError:
        raise LookupError("PyTorch is not installed") from None


METHODS = {
    "numpy-loop": run_numpy_loop(slopes_from_copies),
    "numpy-loop-in-place": run_numpy_loop(slopes_in_place),
    "torch-gradcheck": run_gradcheck,
    "torch-gradcheck-fast": run_gradcheck_fast,
    PerturbedWeights.name: run_torch_func(PerturbedWeights),
    PerturbedRows.name: run_torch_func(PerturbedRows),
    "torch-matmul": run_torch_matmul,
}


def measure(name, case, limit, budget):
    """The rows of one method: measurements, or one row that says why there is none."""
    try:
        if np is None:
            raise LookupError("NumPy is not installed")
        torch = None if name.startswith("numpy-") else import_torch()
        arguments = (case(),) if name != "torch-matmul" else (None,)
        wall, processor = time.perf_counter(), time.process_time()
        rows = METHODS[name](*arguments, *(() if torch is None else (torch,)), limit, budget)
    except LookupError as error:
        return [{"error": str(error)}]
    except Exception as error:  # whatever breaks a peer is a result of the comparison
        reason = (str(error).strip().splitlines() or [""])[0]
        return [{"error": f"{type(error).__name__}: {reason}"}]
    # of all that the method did, warm-up and smaller tries among it
    cores = (time.process_time() - processor) / (time.perf_counter() - wall)
    for row in rows:
        row["cores"] = cores
        if "measured" in row:
            row["total"] = arguments[0].total
            row["scaled"] = row["measured"] < row["total"]
        row["peakMemoryBytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
            1 if sys.platform == "darwin" else 1024
        )
    return rows


def probe_packages():
    found = {"python": sys.version.split()[0], "numpy": None, "torch": None, "cuda": None}
    if np is not None:
        found["numpy"] = np.__version__
    try:
        torch = import_torch()
        found["torch"] = str(torch.__version__)
        if torch.cuda.is_available():
            found["cuda"] = torch.cuda.get_device_name()
    except LookupError:
        pass
    return found


def print_line(value):
    """One line of JSON; numbers that are not finite become null, which JSON has."""
    finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in value.items()}
    print(json.dumps(finite), flush=True)


def main():
    options = argparse.ArgumentParser(description="Times other ways of checking gradients.")
    options.add_argument("case", nargs="?", help="the .npz file of the case")
    options.add_argument("--probe", action="store_true", help="print which packages this Python has")
    options.add_argument("--activations", type=lambda text: text.split(","), default=[])
    options.add_argument("--loss", default="")
    options.add_argument("--methods", type=lambda text: text.split(","), default=list(METHODS))
    options.add_argument("--limit", type=float, default=60, help="seconds above which a part is timed and scaled")
    options.add_argument("--budget", type=float, default=15, help="seconds to spend on such a part")
    given = options.parse_args()
    if given.probe:
        print_line(probe_packages())
        return
    unknown = [name for name in given.methods if name not in METHODS]
    if unknown:
        options.error(f"unknown method {unknown[0]}: one of {', '.join(METHODS)}")
    for name in given.methods:
        if name != "torch-matmul" and given.case is None:
            options.error("name the case's .npz file")
        for row in measure(name, lambda: Case(given.case, given.activations, given.loss), given.limit, given.budget):
            print_line({"name": name, **row})


if __name__ == "__main__":
    main()
