/** Models for benches: each is made by a Python script and loaded by the function `generate` of app.py. */

export interface BenchModel {
  /** What a figure says of it. */
  called: string;
  /** Name of the file with its weights. */
  file: string;
  /** Python that writes the weights to the path in its first argument. */
  make: string;
  /** The workspace: `generate` loads `weights` in its body and gives the ms of its other work. */
  files(weights: string): Record<string, string>;
}

const app = (packages: string, body: string): string => `
import velar

app = velar.App("bench")

@app.function(image=velar.Image.debian_slim()${packages})
def generate() -> float:
    import time
${body.replace(/^(?=.)/gm, '    ')}`;

/** A state dict about as large as that of gpt2. One layer is used: more work would hide what a call costs besides. */
export const TORCH: BenchModel = {
  called: 'torch.load',
  file: 'weights.pt',
  make: `
import sys, torch
layer = torch.nn.TransformerEncoderLayer(768, 12, 3072)
torch.save(torch.nn.TransformerEncoder(layer, 18).state_dict(), sys.argv[1])
`,
  files: (weights) => ({
    'app.py': app(
      '.pip_install("torch")',
      `
import torch
state = torch.load(${JSON.stringify(weights)}, weights_only=True)
began = time.perf_counter()
hidden = torch.ones(16, 768) @ state["layers.0.linear1.weight"].T
assert hidden.shape == (16, 3072)
return (time.perf_counter() - began) * 1000
`,
    ),
  }),
};

/** Stands in for transformers: its `pipeline` reads 40 MB of text and builds two million numbers from it. */
export const STAND_IN: BenchModel = {
  called: 'stand-in for transformers.pipeline',
  file: 'weights.json',
  make: `
import json, random, sys
layers = [[random.random() for _ in range(65536)] for _ in range(32)]
with open(sys.argv[1], "w") as file:
    json.dump(layers, file)
`,
  files: (weights) => ({
    'transformers/__init__.py': 'from .pipelines import pipeline\n',
    'transformers/pipelines.py': `
import json

class Pipeline:
    def __init__(self, layers):
        self.layers = layers

    def __call__(self, number):
        return [number * weight for weight in self.layers[number % len(self.layers)]]

def pipeline(task, model):
    with open(model) as file:
        return Pipeline(json.load(file))
`,
    'app.py': app(
      '',
      `
from transformers import pipeline
pipe = pipeline("text-generation", model=${JSON.stringify(weights)})
began = time.perf_counter()
assert len(pipe(3)) == 65536
return (time.perf_counter() - began) * 1000
`,
    ),
  }),
};
