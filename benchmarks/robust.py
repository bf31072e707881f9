"""How much faster is one solve of (R) than a modelling language with a generic solver?

m = 100 hidden units, a box of 0.1 and then a ball of 0.1 in every column, soft cells, a price of the weights of 0.001,
the same starting network and table for every program, at the five sizes of the paper. The objectives are of the program at
the labels of the starting network.
"""
from joint import versus

TOLERANCE, DECAY = "0.1", "0.001"


def run(setup):
    for shape in ("box", "ball"):
        print(f"robust: (R) at m = 100, {shape} of {TOLERANCE}: medians in seconds, solve / whole process")
        shared = ["--tolerance", TOLERANCE, "--tolerance-shape", shape, "--decay", DECAY]
        versus(setup, f"robust-{shape}", ["--method", "convex", "--rounds", "1", "--tol", "1e-8", *shared], ["robust", *shared])
