# SPDX-License-Identifier: MIT
"""The classifier of examples/char_cnn_train in PyTorch, on the same split: does it reach the same accuracy, and how fast?

    char_cnn_train --write-split split --seed 1
    python3 benchmarks/char_cnn_twin.py split --epochs 5 --seed 1

Same model, initialisation, optimiser, batches of about one length and choice of the epoch (least validation loss); only the random numbers
differ. Prints what the trainer prints.
"""

import argparse
import collections
import pathlib
import time

import torch
from torch import nn

MODELS = {
    "small": ([1, 2, 3, 4, 5, 6], [25, 50, 75, 100, 125, 150], 1),
    "large": ([1, 2, 3, 4, 5, 6, 7], [50, 100, 150, 200, 200, 200, 200], 2),
    "lecture": ([2, 3, 4], [30, 30, 30], 0),
}


class Highway(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.transform, self.gate = nn.Linear(size, size), nn.Linear(size, size)
        nn.init.constant_(self.gate.bias, -2)

    def forward(self, x):
        return x + torch.sigmoid(self.gate(x)) * (torch.relu(self.transform(x)) - x)


class CharCnn(nn.Module):
    def __init__(self, vocabulary_size, widths, filters, highway_layers):
        super().__init__()
        self.characters = nn.Embedding(vocabulary_size, 15, padding_idx=0)
        self.convolutions = nn.ModuleList(nn.Conv1d(15, f, w) for w, f in zip(widths, filters))
        self.highways = nn.Sequential(*(Highway(sum(filters)) for _ in range(highway_layers)))
        self.channels_last = False

    def forward(self, words, lengths):
        x = self.characters(words).transpose(1, 2)
        widest = max(c.kernel_size[0] for c in self.convolutions)
        x = nn.functional.pad(x, (0, max(0, widest - x.shape[2])))
        best = []
        for convolution in self.convolutions:
            if self.channels_last:  # an image of one row, which lies in memory as the embedding's rows do
                weight = convolution.weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
                scores = nn.functional.conv2d(x.unsqueeze(2), weight, convolution.bias).squeeze(2)
            else:
                scores = convolution(x)
            windows = (lengths - convolution.kernel_size[0] + 1).clamp(min=1)
            behind = torch.arange(scores.shape[2]) >= windows[:, None, None]
            best.append(scores.masked_fill(behind, -torch.inf).amax(2))
        return self.highways(torch.tanh(torch.cat(best, 1)))


class Classifier(nn.Module):
    def __init__(self, vocabulary_size, classes, widths, filters, highway_layers, dropout):
        super().__init__()
        self.encoder = CharCnn(vocabulary_size, widths, filters, highway_layers)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(sum(filters), classes)

    def forward(self, words, lengths):
        return self.classifier(self.dropout(self.encoder(words, lengths)))


def read(path):
    rows = [line.rstrip("\n").split("\t") for line in path.open(encoding="utf-8", errors="replace")]
    return [row[0] for row in rows], [row[1] for row in rows]


def batches(lengths, size, shuffle, generator):
    order = torch.randperm(len(lengths), generator=generator) if shuffle else torch.arange(len(lengths))
    pool = 50 * size if shuffle else len(lengths)
    found = []
    for part in order.split(pool):
        part = part[lengths[part].argsort(stable=True)]
        found += part.split(size)
    if shuffle:
        found = [found[i] for i in torch.randperm(len(found), generator=generator)]
    return found


class Part:
    def __init__(self, path, vocabulary, classes, max_characters):
        texts, labels = read(path)
        words = [[2] + [vocabulary.get(c, 1) for c in text[:max_characters]] + [3] for text in texts]
        self.lengths = torch.tensor([len(word) for word in words])
        self.words = torch.zeros(len(words), int(self.lengths.max()), dtype=torch.int64)
        for row, word in zip(self.words, words):
            row[: len(word)] = torch.tensor(word)
        self.labels = torch.tensor([classes.index(label) for label in labels])

    def batch(self, which):
        lengths = self.lengths[which]
        return self.words[which, : int(lengths.max())], lengths, self.labels[which]


@torch.no_grad()
def evaluate(net, part, generator):
    net.eval()
    loss, right = 0.0, 0
    for which in batches(part.lengths, 256, False, generator):
        words, lengths, labels = part.batch(which)
        scores = net(words, lengths)
        loss += nn.functional.cross_entropy(scores, labels, reduction="sum").item()
        right += int((scores.argmax(1) == labels).sum())
    return loss / len(part.labels), right / len(part.labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("split", type=pathlib.Path)
    parser.add_argument("--model", choices=MODELS, default="small")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--lr", type=float, default=0.001)
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--max-characters", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    generator = torch.Generator().manual_seed(o.seed)
    texts, labels = read(o.split / "train.tsv")
    vocabulary = {c: i + 4 for i, c in enumerate(sorted(collections.Counter("".join(texts))))}
    classes = sorted(set(labels))
    train, valid, test = (Part(o.split / f"{name}.tsv", vocabulary, classes, o.max_characters) for name in ("train", "valid", "test"))
    net = Classifier(len(vocabulary) + 4, len(classes), *MODELS[o.model], o.dropout)
    optimizer = torch.optim.Adam(net.parameters(), lr=o.lr)
    best = None
    for epoch in range(1, o.epochs + 1):
        net.train()
        start, total = time.perf_counter(), 0.0
        for which in batches(train.lengths, o.batch_size, True, generator):
            words, lengths, labels = train.batch(which)
            loss = nn.functional.cross_entropy(net(words, lengths), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        seconds = time.perf_counter() - start
        valid_loss, accuracy = evaluate(net, valid, generator)
        print(f"epoch {epoch}/{o.epochs}  train loss {total / len(train.labels):.4f}  valid loss {valid_loss:.4f}  valid accuracy {accuracy:.4f}  "
              f"{len(train.labels) / seconds:.0f} words/s", flush=True)
        if best is None or valid_loss < best[0]:
            best = valid_loss, {key: value.clone() for key, value in net.state_dict().items()}
    net.load_state_dict(best[1])
    loss, accuracy = evaluate(net, test, generator)
    print(f"Test: loss {loss:.4f}, accuracy {100 * accuracy:.2f}%")


if __name__ == "__main__":
    main()
