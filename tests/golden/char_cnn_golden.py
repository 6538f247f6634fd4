# SPDX-License-Identifier: MIT
"""Golden values of ten steps of training the character CNN: the classifier by Adam, the language model by clipped SGD with carried state.

The PyTorch modules here are the paper's own way round (tanh before the maximum, every place of the text read for itself), Tapestry's is the
cheaper one; both must give the same numbers.
"""

import torch
from torch import nn

from golden_file import GoldenFile

STEPS = 10
golden = GoldenFile("char_cnn")


class Highway(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.transform, self.gate = nn.Linear(size, size), nn.Linear(size, size)

    def forward(self, x):
        t = torch.sigmoid(self.gate(x))
        return t * torch.relu(self.transform(x)) + (1 - t) * x


class CharCnn(nn.Module):
    def __init__(self, vocabulary_size, widths, filters, embedding_dim, highway_layers):
        super().__init__()
        self.characters = nn.Embedding(vocabulary_size, embedding_dim, padding_idx=0)
        self.convolutions = nn.ModuleList(nn.Conv1d(embedding_dim, f, w) for w, f in zip(widths, filters))
        self.highways = nn.ModuleList(Highway(sum(filters)) for _ in range(highway_layers))

    def forward(self, words, lengths):
        x = self.characters(words).transpose(1, 2)
        widest = max(c.kernel_size[0] for c in self.convolutions)
        x = nn.functional.pad(x, (0, max(0, widest - x.shape[2])))
        best = []
        for convolution in self.convolutions:
            scores = torch.tanh(convolution(x))
            windows = (lengths - convolution.kernel_size[0] + 1).clamp(min=1)
            behind = torch.arange(scores.shape[2]) >= windows[:, None, None]
            best.append(scores.masked_fill(behind, -torch.inf).amax(2))
        y = torch.cat(best, 1)
        for highway in self.highways:
            y = highway(y)
        return y


class Classifier(nn.Module):
    def __init__(self, classes, **options):
        super().__init__()
        self.encoder = CharCnn(**options)
        self.classifier = nn.Linear(sum(options["filters"]), classes)

    def forward(self, words, lengths):
        return self.classifier(self.encoder(words, lengths))


class LanguageModel(nn.Module):
    def __init__(self, words, hidden_size, **options):
        super().__init__()
        self.encoder = CharCnn(**options)
        self.lstm = nn.LSTM(sum(options["filters"]), hidden_size, num_layers=2)
        self.decoder = nn.Linear(hidden_size, words)

    def forward(self, words, lengths, state):
        steps, batch, length = words.shape
        x = self.encoder(words.reshape(steps * batch, length), lengths.reshape(-1))
        y, state = self.lstm(x.reshape(steps, batch, -1), state)
        return self.decoder(y), state


def draw_words(count, length, characters):
    """Words of 1 to length - 2 characters between begin 2 and end 3, filled up with 0, and their lengths."""
    words = torch.zeros(count, length, dtype=torch.int64)
    lengths = golden.integers(3, length + 1, count)
    lengths[0] = length
    for word, n in zip(words, lengths):
        word[:n] = torch.cat([torch.tensor([2]), golden.integers(4, characters, int(n) - 2), torch.tensor([3])])
    return words, lengths


def begin(net):
    with torch.no_grad():
        for key, parameter in net.named_parameters():
            parameter.copy_(0.4 * golden.normal(*parameter.shape))
        net.encoder.characters.weight[0] = 0
    return {f"initial.{key}": value.clone() for key, value in net.state_dict().items()}


OPTIONS = {"vocabulary_size": 12, "widths": [1, 2, 3, 6], "filters": [3, 4, 5, 3], "embedding_dim": 5, "highway_layers": 2}


def classifier():
    net = Classifier(4, **OPTIONS)
    roles = begin(net)
    words, lengths = draw_words(10, 9, 12)
    labels = golden.integers(0, 4, 10)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    losses = []
    for step in range(STEPS):
        logits = net(words, lengths)
        loss = nn.functional.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            roles["logits"] = logits
            roles |= {f"gradient.{key}": p.grad.clone() for key, p in net.named_parameters()}
        optimizer.step()
        losses.append(loss.item())
    roles |= {f"final.{key}": value for key, value in net.state_dict().items()}
    golden.add("classifier", OPTIONS, words=words, lengths=lengths, labels=labels, losses=torch.tensor(losses), **roles)


def language_model():
    different, steps, batch = 7, 3, 2
    net = LanguageModel(different, 4, **OPTIONS)
    roles = begin(net)
    words, lengths = draw_words(different, 8, 12)
    text = golden.integers(0, different, STEPS * steps + 1, batch)  # one long text for each of the batch
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
    losses, norms, state = [], [], None
    for step in range(STEPS):
        piece, target = text[step * steps:(step + 1) * steps], text[step * steps + 1:(step + 1) * steps + 1]
        scores, state = net(words[piece], lengths[piece], state)
        state = tuple(s.detach() for s in state)
        loss = nn.functional.cross_entropy(scores.reshape(steps * batch, -1), target.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        if step == 1:  # the first with a state that was carried over
            roles["scores"] = scores
            roles |= {f"gradient.{key}": p.grad.clone() for key, p in net.named_parameters()}
        norms.append(nn.utils.clip_grad_norm_(net.parameters(), 0.5).item())
        optimizer.step()
        losses.append(loss.item())
    roles |= {f"final.{key}": value for key, value in net.state_dict().items()}
    golden.add("language_model", {**OPTIONS, "hidden_size": 4, "clip": 0.5}, words=words, lengths=lengths, text=text,
               losses=torch.tensor(losses), norms=torch.tensor(norms), h=state[0], c=state[1], **roles)


classifier()
language_model()
golden.save()
