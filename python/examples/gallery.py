"""Every picture that the package draws.

    python gallery.py [FOLDER]
"""
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as pyplot
import numpy as np
from sklearn.neural_network import MLPRegressor

from tautnet import (
    LipschitzRegressor,
    attack,
    certify,
    lipschitz_path,
    plot_attack,
    plot_bounds,
    plot_convergence,
    plot_fit,
    plot_path,
    polish,
)


def main(folder="."):
    folder = pathlib.Path(folder)
    rng = np.random.default_rng(0)
    X = rng.uniform(-2.0, 2.0, size=(300, 2))
    y = np.sin(2.0 * X[:, 0]) * np.cos(X[:, 1]) + 0.15 * rng.normal(size=300)
    train, test = slice(0, 200), slice(200, 300)

    def save(name, axes, title):
        axes.set_title(title)
        axes.figure.savefig(folder / f"{name}.png", dpi=110)
        pyplot.close(axes.figure)

    mlp = MLPRegressor(hidden_layer_sizes=(60,), solver="lbfgs", max_iter=3000, random_state=0).fit(X[train], y[train])
    better = polish(mlp, X[train], y[train], lipschitz_price=0.02)
    radii = np.linspace(0.0, 0.5, 6)
    axes = plot_attack(attack(mlp, X[test], y[test], radii), label="MLPRegressor", color="#8a8f98")
    axes = plot_attack(attack(better, X[test], y[test], radii), axes, label="polished")
    save("attack", axes, "Error under attack, before and after the polish")

    figure, axes = pyplot.subplots(2, 1, figsize=(7, 6), sharex=True, layout="constrained")
    for row, name, network in [(0, "MLPRegressor", mlp), (1, "polished", better.weights())]:  # both in the units of the data
        plot_bounds(certify(network, exact=True, time_limit=5.0), axes[row])
        axes[row].set_title(name)
    axes[0].set_xlabel("")
    figure.savefig(folder / "bounds.png", dpi=110)
    pyplot.close(figure)

    save("convergence", plot_convergence(better), "The convex program")
    save("path", plot_path(lipschitz_path(X, y, hidden=60)), "Choosing the price of the bound")
    model = LipschitzRegressor(hidden=60, lipschitz_price=0.03).fit(X[train], y[train])
    save("fit", plot_fit(model, X[test], y[test], radius=0.1), f"Rows held out, R² = {model.score(X[test], y[test]):.3f}")

    # What the model is, and how far it can move where an input is a little off.
    grid = np.linspace(-2.0, 2.0, 200)
    line = np.stack([grid, np.zeros_like(grid)], axis=1)
    axes = pyplot.subplots(layout="constrained")[1]
    for radius, alpha in [(0.3, 0.15), (0.1, 0.3)]:
        predicted, lower, upper = model.predict(line, radius=radius)
        axes.fill_between(grid, lower, upper, color="#1f6fb4", alpha=alpha, linewidth=0, label=f"radius {radius}")
    axes.plot(grid, np.sin(2.0 * grid), color="#8a8f98", linestyle="--", label="truth")
    axes.plot(grid, predicted, color="#1f6fb4", label="prediction")
    axes.set_xlabel("first input (the second is 0)")
    axes.legend()
    save("intervals", axes, "Certified intervals along a line")


if __name__ == "__main__":
    main(*sys.argv[1:])
