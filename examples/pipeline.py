"""An endpoint and a job in one file, and an entrypoint that deploys both and calls what is deployed.

`velar run examples/pipeline.py` runs `main` on this machine.
"""

import velar

app = velar.App("pipeline")

# `score` as it is deployed: staging calls staging, production calls production, anything else calls staging.
deployed_score = velar.Function.from_name("pipeline", "score")


@app.endpoint(min_containers=0)
def score(text: str) -> int:
    """How many different letters a text has."""
    return len({letter for letter in text.lower() if letter.isalpha()})


@app.function()
def rank(texts: list) -> list:
    """A job: has each text scored by the endpoint, and sorts them by it."""
    return sorted(zip(deployed_score.map(texts), texts), reverse=True)


@app.local_entrypoint()
def main() -> None:
    deployment = app.deploy(wait=True, environment="staging")
    print(f"version {deployment.version} serves {deployment.environment} at {deployment.addresses['score']}")
    print(f"'hello' has {deployed_score.remote('hello')} different letters")
    for letters, text in rank.remote(["one", "two", "three", "seventeen"]):
        print(f"{letters}  {text}")
