"""Text generation with gpt2, as serverless GPU tutorials show it.

The first run installs torch and transformers and downloads the weights; the model-load phase says
what was loaded and how long it took.
"""

import velar

app = velar.App("text-generation")
image = velar.Image.from_registry("pytorch/pytorch:2.4.1-cuda12.1-cudnn9-runtime").pip_install(
    "torch", "transformers"
)


@app.function(gpu="L4", image=image, timeout=600)
def generate(prompt: str = "The best thing about GPUs is", max_new_tokens: int = 40) -> str:
    from transformers import pipeline

    pipe = pipeline("text-generation", model="gpt2")
    return pipe(prompt, max_new_tokens=max_new_tokens)[0]["generated_text"]


@app.local_entrypoint()
def main(prompt: str = "Once upon a time") -> None:
    print(generate.remote(prompt))
