"""The models of this suite's scripts in PyTorch, trained on the same streams and buckets. Run by `tasks.py`."""

import sys

import numpy as np
import torch
from measuring import ragged, report
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

BATCH = {"pos_tagging": 32, "sentiment": 128}  # sentences


class LockedDropout(nn.Dropout):
    """Dropout of (batch, time, features), the same features at all time steps."""

    def forward(self, inputs):
        return inputs * super().forward(torch.ones_like(inputs[:, :1]))


def adam(modules, learning_rate):
    return torch.optim.Adam([weight for module in modules for weight in module.parameters()], learning_rate)


def until(train_epoch):
    """A function that trains epochs, until what it calls after each returns True."""

    def train(done):
        train_epoch()
        while not done():
            train_epoch()

    return train


def chargen(task, data):
    size, ids, book = int(data["size"]), torch.tensor(data["training"], dtype=torch.long), task == "chargen-book"
    batch, steps = (128, 25) if book else (16, 50)
    embedding = nn.Embedding.from_pretrained(torch.eye(size)) if book else nn.Embedding(size, 64)
    rnn = nn.RNN(size, 128, batch_first=True) if book else nn.LSTM(64, 512, batch_first=True)
    dense, hide, dropout = nn.Linear(rnn.hidden_size, size), LockedDropout(0.2), LockedDropout(0.6)
    if book:
        hide = dropout = nn.Identity()
    modules = nn.ModuleList([embedding, rnn, dense, hide, dropout])
    optimizer = adam(modules, 0.004)
    length = (len(ids) - 1) // batch // steps * steps
    inputs, targets = (ids[k : k + batch * length].view(batch, length) for k in (0, 1))

    def detach(state):
        return state.detach() if isinstance(state, torch.Tensor) else tuple(part.detach() for part in state)

    def train_epoch():
        modules.train()
        state = None
        for start in range(0, length, steps):
            outputs, state = rnn(hide(embedding(inputs[:, start : start + steps])), state)
            state = detach(state)
            loss = cross_entropy(dense(dropout(outputs)).flatten(0, 1), targets[:, start : start + steps].flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(modules.parameters(), 1.0)
            optimizer.step()

    @torch.no_grad()
    def quality():
        modules.eval()
        whole = torch.cat([ids[-1000:], torch.tensor(data["validation"], dtype=torch.long)])
        logits = dense(rnn(embedding(whole[None, :-1]))[0])[0]
        return cross_entropy(logits[999:], whole[1000:]).item() / np.log(2)

    @torch.no_grad()
    def generate(characters=1000):
        character, state = ids[:1], None
        for _ in range(characters):
            outputs, state = rnn(embedding(character[None]), state)
            character = torch.multinomial(dense(outputs[0]).softmax(-1), 1)[0]
        return characters

    report(task, until(train_epoch), quality, generate, batch * length, inputs.nbytes + targets.nbytes)


def buckets(size, inputs, targets=None):
    """Batches (inputs (batch, longest), lengths, targets) of `size` sequences of about the same length."""
    longest_first = sorted(range(len(inputs)), key=lambda index: -len(inputs[index]))
    for start in range(0, len(inputs), size):
        chosen = longest_first[start : start + size]
        batch = pad_sequence([inputs[index] for index in chosen], batch_first=True)
        yield chosen, batch, [len(inputs[index]) for index in chosen], targets and [targets[index] for index in chosen]


def tensors(data, name):
    return [torch.tensor(row, dtype=torch.long) for row in ragged(data, name)]


def pos_tagging(task, data):
    sizes = [int(size) for size in data["sizes"]]
    embedding = nn.Embedding(sizes[0], 100, padding_idx=0)
    gru = nn.GRU(100, 100, batch_first=True, bidirectional=True)
    dense, dropout = nn.Linear(200, sizes[-1]), nn.Dropout(0.4)
    optimizer = adam([embedding, gru, dense], 0.005)
    inputs, targets = tensors(data, "training_inputs"), tensors(data, "training_targets")
    batches = list(buckets(BATCH[task], inputs, targets))
    validation, tags = tensors(data, "validation_inputs"), tensors(data, "validation_targets")

    def logits(batch, lengths):
        embedded = dropout(embedding(batch[:, :, 0]))
        hidden = gru(pack_padded_sequence(embedded, lengths, batch_first=True))[0]
        return dense(dropout(pad_packed_sequence(hidden, batch_first=True)[0]))

    def train_epoch():
        dropout.train()
        for number in torch.randperm(len(batches)):
            _, batch, lengths, true = batches[number]
            true = pad_sequence(true, batch_first=True, padding_value=-1)
            loss = cross_entropy(logits(batch, lengths).flatten(0, 1), true.flatten(), ignore_index=-1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    @torch.no_grad()
    def predict():
        dropout.eval()
        correct = 0
        for _, batch, lengths, true in buckets(BATCH[task], validation, tags):
            predicted = logits(batch, lengths).argmax(-1)
            correct += sum(int((row[: len(tag)] == tag).sum()) for row, tag in zip(predicted, true, strict=True))
        return correct

    count = sum(map(len, tags))
    memory = sum(row.nbytes for row in inputs + targets)
    report(task, until(train_epoch), lambda: predict() / count, lambda: predict() and count, len(inputs), memory)


def sentiment(task, data):
    embedding, lstm = nn.Embedding(int(data["size"]), 64, padding_idx=0), nn.LSTM(64, 64, batch_first=True)
    dense, dropout = nn.Linear(64, 1), nn.Dropout(0.5)
    optimizer = adam([embedding, lstm, dense], 0.008)
    inputs = tensors(data, "training_inputs")
    targets = list(torch.tensor(data["training_targets"], dtype=torch.float32))
    batches = list(buckets(BATCH[task], inputs, targets))
    validation = tensors(data, "validation_inputs")

    def logits(batch, lengths):
        packed = pack_padded_sequence(dropout(embedding(batch)), lengths, batch_first=True)
        return dense(dropout(lstm(packed)[1][0][0]))[:, 0]

    def train_epoch():
        dropout.train()
        for number in torch.randperm(len(batches)):
            _, batch, lengths, true = batches[number]
            loss = binary_cross_entropy_with_logits(logits(batch, lengths), torch.stack(true))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    @torch.no_grad()
    def predict(sentences):
        dropout.eval()
        found = np.zeros(len(sentences))
        for chosen, batch, lengths, _ in buckets(BATCH[task], sentences):
            found[chosen] = logits(batch, lengths)
        return found

    report(
        task,
        until(train_epoch),
        lambda: np.mean((predict(validation) > 0) == data["validation_targets"]),
        lambda: len(predict(inputs)),
        len(inputs),
        sum(row.nbytes for row in inputs) + 4 * len(targets),
    )


if __name__ == "__main__":
    torch.manual_seed(0)
    task, path = sys.argv[1:]
    {"pos_tagging": pos_tagging, "sentiment": sentiment}.get(task, chargen)(task, np.load(path))
