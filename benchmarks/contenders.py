#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The libraries that benchmarks/run compares Tapestry with, each in a process of its own.

    contenders.py prepare FOLDER NETWORK PASS BATCH SIZE CLASSES [--threads N]
        draws weights and two batches, and computes what everyone must arrive at: outputs in double, or the first ten losses
            FOLDER/weights.safetensors, batches.safetensors, reference.json
    contenders.py NAME FOLDER NETWORK PASS BATCH SIZE CLASSES [--threads N]
        one contender. It builds its network from the folder, prints {"numbers": [...]}: its outputs of the first batch, or its first ten losses
        (with dropout off, as random numbers differ); then for each number of seconds that it reads a sample:
            {"speed": images a second, "faults": minor page faults a step, "memory": MB at the peak, less before the network was built}
    contenders.py --list
        a line each: the contender's name, its module and its PyPI packages, separated by tabs

A step takes the two batches in turn and reads what it computed. Training is forward, cross-entropy, backward and Adam.
"""

import argparse
import ctypes
import importlib
import json
import os
import resource
import subprocess
import sys
import time
import warnings

LEARNING_RATE = 3e-6  # small, so that ten steps do not make much of rounding: at ten times as much deep networks part from themselves in another layout
LOSSES = 10
# Of outputs the largest error over the root of their mean square: float32 comes to 1e-5, with large Winograd tiles to 1e-3, bfloat16 to 1e-2 and more.
# Of losses the largest relative error.
BOUND = {"forward": 2e-3, "train": 1e-3, "head": 1e-3}
CHARACTERS = 105  # as benchmarks/workloads.cpp has it


# Networks, as PyTorch users have them

def make_network(name, classes):
    import torchvision.models as models
    from torch import nn
    if name == "char_cnn":
        from char_cnn_twin import MODELS, Classifier

        class WordClassifier(Classifier):
            def forward(self, batch):
                return super().forward(*batch)

        return WordClassifier(CHARACTERS, classes, *MODELS["small"], dropout=0.5)
    if name == "cifar_net":
        return nn.Sequential(
            nn.BatchNorm2d(3), nn.Conv2d(3, 30, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.BatchNorm2d(30), nn.Conv2d(30, 60, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.BatchNorm2d(60), nn.Conv2d(60, 120, 3), nn.LeakyReLU(0.1), nn.MaxPool2d(2),
            nn.BatchNorm2d(120), nn.Flatten(), nn.Dropout(0.2), nn.Linear(480, 200), nn.ReLU(),
            nn.Dropout(0.2), nn.Linear(200, 60), nn.ReLU(), nn.Linear(60, classes))
    if name == "resnet18_cifar":
        net = models.resnet18(num_classes=classes)
        net.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        net.maxpool = nn.Identity()
        return net
    options = {"init_weights": True} if name == "inception_v3" else {}
    return getattr(models, name)(num_classes=classes, **options)


def load_network(task):
    from safetensors.torch import load_file
    net = make_network(task.network, task.classes)
    net.load_state_dict(load_file(f"{task.folder}/weights.safetensors"))
    return net.eval() if task.kind == "forward" else net.train()


def load_batches(task):
    from safetensors.torch import load_file
    file = load_file(f"{task.folder}/batches.safetensors")
    if task.network == "char_cnn":
        return [((file[f"words.{i}"], file[f"lengths.{i}"]), file[f"labels.{i}"]) for i in (0, 1)]
    return [(file[f"images.{i}"], file[f"labels.{i}"]) for i in (0, 1)]


def draw_inputs(task):
    """What a network reads, by name, for both batches."""
    import torch
    if task.network != "char_cnn":
        return {"images": torch.randn(2, task.batch, 3, task.size, task.size)}
    # Batches are made of words of about one length: begin, characters, end, padding.
    lengths = torch.randint(task.size - 2, task.size + 1, (2, task.batch)).sort(1).values
    words = torch.randint(4, CHARACTERS, (2, task.batch, task.size))
    words[:, :, 0] = 2
    words.scatter_(2, lengths.unsqueeze(2) - 1, 3)
    words.masked_fill_(torch.arange(task.size) >= lengths.unsqueeze(2), 0)
    return {"words": words, "lengths": lengths}


def output_error(outputs, reference):
    """The largest error over the root of the reference's mean square."""
    scale = (sum(x * x for x in reference) / len(reference)) ** 0.5
    return max(abs(a - b) for a, b in zip(outputs, reference)) / scale


def set_dropout(net, on):
    from torch import nn
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.train(on)


def training_step(task, net, call=None, fused=True):
    """step(images, labels) -> loss"""
    import torch
    if task.kind == "head":
        for name, parameter in net.named_parameters():
            parameter.requires_grad_(name.startswith("fc."))
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=LEARNING_RATE, fused=fused)
    call = call or net

    def step(images, labels):
        loss = torch.nn.functional.cross_entropy(call(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def prepare(task):
    import torch
    from safetensors.torch import save_file
    torch.manual_seed(1)
    net = make_network(task.network, task.classes)
    inputs = draw_inputs(task)
    labels = torch.randint(task.classes, (2, task.batch))
    if task.kind == "forward":
        # Running statistics that belong to the weights, so that numbers stay in range through all layers.
        with torch.no_grad():
            for module in net.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    module.momentum = 1.0
            net.train()(torch.randn(8, 3, task.size, task.size))
    save_file({name: tensor.contiguous() for name, tensor in net.state_dict().items()}, f"{task.folder}/weights.safetensors")
    save_file({f"{kind}.{i}": values[i].contiguous() for kind, values in {**inputs, "labels": labels}.items() for i in (0, 1)},
              f"{task.folder}/batches.safetensors")
    batches = load_batches(task)

    net = load_network(task)
    if task.kind == "forward":
        with torch.inference_mode():
            numbers = net.double()(batches[0][0].double()).flatten().tolist()
    else:
        set_dropout(net, False)
        step = training_step(task, net)
        numbers = [step(*batches[i % 2]) for i in range(LOSSES)]
    with open(f"{task.folder}/reference.json", "w") as file:
        json.dump(numbers, file)


# Contenders: build() makes the network and returns step(images, labels), which returns outputs as an array or the loss

class PyTorch:
    module, packages = "torch", "torch==2.15.* torchvision safetensors numpy"
    kinds = ("forward", "train", "head")

    def __init__(self, channels_last=False, compiled=False, bfloat16=False):
        self.channels_last, self.compiled, self.bfloat16 = channels_last, compiled, bfloat16

    def batches(self, task):
        import torch
        import torchvision.models  # noqa: F401
        torch.optim.Adam(torch.nn.Linear(1, 1).parameters())  # what these load does not count as the network's memory
        return [(self.arranged(inputs), labels) for inputs, labels in load_batches(task)]

    def arranged(self, x):
        import torch
        if isinstance(x, tuple):  # words, which have no memory format
            return x
        return x.to(memory_format=torch.channels_last if self.channels_last else torch.contiguous_format)

    def build(self, task):
        import torch
        self.net = net = self.arranged(load_network(task))
        if task.network == "char_cnn":
            net.encoder.channels_last = self.channels_last
        run = net
        if self.compiled:
            torch._inductor.config.freezing = task.kind == "forward"  # weights may be laid out anew
            run = torch.compile(net)

        def call(images):
            with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
                return run(images).float()

        if task.kind != "forward":
            return training_step(task, net, call)

        def step(images, labels):
            with torch.inference_mode():
                return call(images).numpy()

        return step

    def set_dropout(self, on):
        set_dropout(self.net, on)


class Exported:
    """What runs a network that PyTorch wrote to a file. export() is called in a process of its own, so that build() has only this library in memory."""
    kinds = ("forward",)

    def batches(self, task):
        from safetensors.numpy import load_file
        file = load_file(f"{task.folder}/batches.safetensors")
        return [(file[f"images.{i}"], None) for i in (0, 1)]


def run_tool(name, *arguments):
    """Runs a program that a package brought into the virtual environment."""
    subprocess.run([f"{os.path.dirname(sys.executable)}/{name}", *arguments], check=True, stdout=subprocess.DEVNULL)


class Onnx(Exported):
    def export(self, task):
        path = f"{task.folder}/model.onnx"
        if not os.path.exists(path):
            import torch
            torch.onnx.export(load_network(task), (load_batches(task)[0][0],), path, dynamo=True, external_data=False, input_names=["images"],
                              output_names=["outputs"])
        return path


class OpenVINO(Onnx):
    module, packages = "openvino", "openvino onnx onnxscript"

    def __init__(self, precision="f32"):
        self.precision = precision

    def build(self, task):
        import openvino
        compiled = openvino.Core().compile_model(f"{task.folder}/model.onnx", "CPU", {
            "INFERENCE_PRECISION_HINT": self.precision, "INFERENCE_NUM_THREADS": task.threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"})
        request = compiled.create_infer_request()
        return lambda images, labels: request.infer([images], share_inputs=True, share_outputs=True)[0]


class ONNXRuntime(Onnx):
    module, packages = "onnxruntime", "onnxruntime onnx onnxscript"

    def build(self, task):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = task.threads
        session = onnxruntime.InferenceSession(f"{task.folder}/model.onnx", options, providers=["CPUExecutionProvider"])
        return lambda images, labels: session.run(None, {"images": images})[0]


class NCNN(Exported):
    module, packages = "ncnn", "ncnn pnnx"

    def export(self, task):
        import torch
        images = load_batches(task)[0][0][:1]  # ncnn knows no batches
        torch.jit.trace(load_network(task), images).save(f"{task.folder}/model.pt")
        run_tool("pnnx", f"{task.folder}/model.pt", f"inputshape={list(images.shape)}f32".replace(" ", ""), "fp16=0")

    def build(self, task):
        import ncnn
        import numpy
        self.net = net = ncnn.Net()
        for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_packed", "use_bf16_storage"):
            if hasattr(net.opt, name):
                setattr(net.opt, name, False)
        net.opt.num_threads = task.threads
        if net.load_param(f"{task.folder}/model.ncnn.param") or net.load_model(f"{task.folder}/model.ncnn.bin"):
            raise RuntimeError("ncnn could not load the model")

        def one(image):
            extractor = net.create_extractor()
            extractor.input("in0", ncnn.Mat(image).clone())  # a layer that works in place would write to memory that is not ncnn's
            return numpy.array(extractor.extract("out0")[1])

        return lambda images, labels: numpy.stack([one(image) for image in images])


class MNN(Onnx):
    module, packages = "MNN", "MNN onnx onnxscript"

    def export(self, task):
        run_tool("mnnconvert", "-f", "ONNX", "--modelFile", super().export(task), "--MNNModel", f"{task.folder}/model.mnn")

    def build(self, task):
        with open(f"{task.folder}/reference.json") as file:
            reference = json.load(file)
        images = self.batches(task)[0][0]
        # The largest Winograd tiles are fastest, but do not hold the bound in every network; smaller ones (hint 3, WINOGRAD_MEMORY_LEVEL) do.
        for level in (3, 2):
            step = self.load(task, level)
            if output_error(step(images, None).ravel().tolist(), reference) <= BOUND["forward"]:
                break
        return step

    def load(self, task, winograd_level):
        import MNN.expr
        import MNN.nn
        config = {"precision": "high", "backend": "CPU", "numThread": task.threads}
        runtime = MNN.nn.create_runtime_manager((config,))
        runtime.set_hint(3, winograd_level)
        self.net = net = MNN.nn.load_module_from_file(f"{task.folder}/model.mnn", ["images"], ["outputs"], runtime_manager=runtime)
        shape = [task.batch, 3, task.size, task.size]

        def step(images, labels):
            x = MNN.expr.placeholder(shape, MNN.expr.NCHW)
            x.write(images)
            return MNN.expr.convert(net.forward([x])[0], MNN.expr.NCHW).read()

        return step


# A name that ends in another precision is shown, and compared with nothing.
CONTENDERS = {
    "pytorch": PyTorch(),
    "pytorch channels_last": PyTorch(channels_last=True),
    "torch.compile": PyTorch(channels_last=True, compiled=True),
    "openvino": OpenVINO(),
    "onnxruntime": ONNXRuntime(),
    "ncnn": NCNN(),
    "mnn": MNN(),
    "pytorch bf16": PyTorch(channels_last=True, bfloat16=True),
    "openvino bf16": OpenVINO("bf16"),
}


# One contender's process

def status_mb(key):
    with open("/proc/self/status") as file:
        return next(float(line.split()[1]) / 1024 for line in file if line.startswith(key))


def serve(contender, task):
    importlib.import_module(contender.module)  # what the library itself takes does not count
    batches = contender.batches(task)
    ctypes.CDLL(None).malloc_trim(0)
    memory_before = status_mb("VmRSS")
    compute = contender.build(task)
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak begins anew: what building took does not count
    count = 0

    def step():
        nonlocal count
        count += 1
        return compute(*batches[(count - 1) % 2])

    if task.kind == "forward":
        numbers = step().flatten().tolist()
    else:
        contender.set_dropout(False)
        numbers = [step() for _ in range(LOSSES)]
        contender.set_dropout(True)
    print(json.dumps({"numbers": numbers}), flush=True)

    for line in sys.stdin:
        seconds = float(line)
        for _ in range(3):
            step()
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        start, elapsed, steps = time.perf_counter(), 0, 0
        while elapsed < seconds:
            step()
            steps += 1
            elapsed = time.perf_counter() - start
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
        print(json.dumps({"speed": steps * task.batch / elapsed, "faults": faults / steps, "memory": status_mb("VmHWM") - memory_before}), flush=True)


def main():
    if sys.argv[1:] == ["--list"]:
        for name, contender in CONTENDERS.items():
            print(name, contender.module, contender.packages, sep="\t")
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=["prepare", *CONTENDERS])
    parser.add_argument("folder")
    parser.add_argument("network")
    parser.add_argument("kind", choices=["forward", "train", "head"])
    for name in ("batch", "size", "classes"):
        parser.add_argument(name, type=int)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--export", action="store_true", help="write the network to the file that the contender reads")
    task = parser.parse_args()
    warnings.filterwarnings("ignore")
    contender = CONTENDERS.get(task.name)
    if isinstance(contender, PyTorch) or not contender:
        import torch
        torch.set_num_threads(task.threads)
    if not contender:
        prepare(task)
    elif task.export:
        contender.export(task)
    else:
        serve(contender, task)


if __name__ == "__main__":
    main()
