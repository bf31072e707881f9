"""One timed fit from Python, for `benchmarks/python.py`: FILE HIDDEN PRICE THREADS, as `fit_race` takes them."""
import json
import sys
import time

import numpy as np

from tautnet import LipschitzRegressor

file, hidden, price, threads = sys.argv[1:]
table = np.loadtxt(file, delimiter=",", skiprows=1)
model = LipschitzRegressor(hidden=int(hidden), lipschitz_price=float(price), threads=int(threads))
clock = time.perf_counter()
model.fit(table[:, :-1], table[:, -1])
seconds = time.perf_counter() - clock
print(json.dumps({"seconds": seconds, "objective": model.objective_["objective"]}))
