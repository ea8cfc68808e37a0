"""A server of a classifier as one would write it in Python: FastAPI, one process, requests that wait are computed together.

    python serve_peers.py ENGINE MODEL PORT

ENGINE is `transformers` (PyTorch, float32), `transformers-bf16` (the same with autocast) or `onnx` (ONNX Runtime, float32); MODEL is the folder `final` of a
run. A batch has at most 32 texts, padded to the longest of them.
"""

import asyncio
import os
import pathlib
import sys
import tempfile

ENGINE, MODEL, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
THREADS = int(os.environ.get("THREADS", "2"))
os.environ.update(OMP_NUM_THREADS=str(THREADS), TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1")

import torch  # noqa: E402: the number of threads is read when it is loaded
import uvicorn  # noqa: E402
from fastapi import FastAPI  # noqa: E402
from pydantic import BaseModel  # noqa: E402
from transformers import AutoModelForSequenceClassification, AutoTokenizer  # noqa: E402

BATCH = 32
torch.set_num_threads(THREADS)
tokenizer = AutoTokenizer.from_pretrained(MODEL)
model = AutoModelForSequenceClassification.from_pretrained(MODEL).eval()
labels = [model.config.id2label[number] for number in range(model.config.num_labels)]

if ENGINE == "onnx":
    import onnxruntime

    file = str(pathlib.Path(tempfile.mkdtemp()) / "model.onnx")
    example = tokenizer(["a text", "another text of more words"], padding=True, return_tensors="pt")
    names = ["input_ids", "attention_mask", "token_type_ids"]
    axes = {name: {0: "batch", 1: "length"} for name in names} | {"logits": {0: "batch"}}
    inputs = tuple(example[name] for name in names)
    torch.onnx.export(model, inputs, file, input_names=names, output_names=["logits"], dynamic_axes=axes, dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def compute(texts):
    encoded = tokenizer(texts, padding=True, truncation=True, max_length=256, return_tensors="np" if ENGINE == "onnx" else "pt")
    if ENGINE == "onnx":
        logits = torch.from_numpy(session.run(["logits"], {name: encoded[name] for name in names})[0])
    else:
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=ENGINE.endswith("bf16")):
            logits = model(**encoded).logits
    return torch.softmax(logits.float(), dim=-1).tolist()


class Request(BaseModel):
    inputs: str


app = FastAPI()
waiting: asyncio.Queue = asyncio.Queue()


async def work():
    loop = asyncio.get_running_loop()
    while True:
        batch = [await waiting.get()]
        while len(batch) < BATCH and not waiting.empty():
            batch.append(waiting.get_nowait())
        found = await loop.run_in_executor(None, compute, [text for text, _ in batch])
        for (_, answer), row in zip(batch, found):
            answer.set_result(row)


@app.on_event("startup")
async def start():
    app.state.worker = asyncio.create_task(work())


@app.post("/predict")
async def predict(request: Request):
    answer = asyncio.get_running_loop().create_future()
    await waiting.put((request.inputs, answer))
    row = await answer
    return sorted(({"score": score, "label": label} for score, label in zip(row, labels)), key=lambda one: -one["score"])


uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning", access_log=False)
