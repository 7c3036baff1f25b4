"""A picture as the result: return a matplotlib figure and the panel shows it."""

import math

import velar

app = velar.App("plot")
image = velar.Image.debian_slim().pip_install("matplotlib")


@app.function(image=image)
def waves(count: int = 3, points: int = 400):
    """Draws a few damped waves."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.subplots()
    xs = [12 * index / points for index in range(points)]
    for wave in range(1, count + 1):
        ys = [math.exp(-x / 6) * math.sin(wave * x) for x in xs]
        axes.plot(xs, ys, label=f"{wave} rad/s")
    axes.set(xlabel="seconds", ylabel="amplitude", title="Damped waves")
    axes.legend()
    print(f"drew {count} waves of {points} points")
    return figure
