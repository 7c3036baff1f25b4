"""Torch, with a model built on the spot: no download but the package.

Asks for an L4. On a runtime without a GPU, Velar asks before it runs on the CPU.
"""

import velar

app = velar.App("train")
image = velar.Image.debian_slim(python_version="3.11").pip_install("torch", "numpy")


@app.cls(gpu="L4", image=image)
class Classifier:
    """A small network that learns whether a point lies inside the unit circle."""

    @velar.enter()
    def build(self) -> None:
        import torch

        torch.manual_seed(0)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = torch.nn.Sequential(
            torch.nn.Linear(2, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1)
        ).to(self.device)
        print(f"model with {sum(p.numel() for p in self.model.parameters()):,} parameters on {self.device}")

    @velar.method()
    def train(self, steps: int = 300, batch: int = 1024) -> dict:
        import torch

        optimiser = torch.optim.Adam(self.model.parameters(), lr=0.01)
        loss = torch.tensor(0.0)
        for step in range(1, steps + 1):
            points = torch.rand(batch, 2, device=self.device) * 3 - 1.5
            inside = (points.norm(dim=1) < 1).float()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                self.model(points).squeeze(1), inside
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if step % 50 == 0:
                print(f"step {step:>4}: loss {loss.item():.4f}")
        return {"steps": steps, "loss": round(loss.item(), 4), "device": self.device}
