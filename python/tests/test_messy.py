"""Missing values and dates: frames, arrays, files."""

import datetime

import numpy as np
import pytest

import tautnet
from tautnet import LipschitzClassifier, LipschitzRegressor, TautnetError

QUICK = {"hidden": 6, "lipschitz_price": 0.01}


def frame():
    pandas = pytest.importorskip("pandas")
    k = np.arange(40)
    temp = (k * 7 % 11).astype(float)
    y = 0.3 * temp + k % 3
    temp[[3, 13]] = np.nan
    kind = np.array(["a", "b", "c"], dtype=object)[k % 3]
    kind[[5, 20]] = None
    when = pandas.to_datetime(datetime.datetime(2024, 1, 5)) + pandas.to_timedelta(k * 31, unit="h")
    X = pandas.DataFrame({"when": when, "temp": temp, "kind": kind})
    return X, pandas.Series(y, name="yield")


def test_missing_values_are_refused_unless_something_is_said():
    X, y = frame()
    with pytest.raises(tautnet.TautnetError, match=r"values are missing in 2 columns .*`temp` \(2\), `kind` \(2\)") as error:
        LipschitzRegressor(**QUICK, dates={"when": "days"}).fit(X, y)
    assert '`missing="drop"`, median or indicator' in str(error.value)
    with pytest.raises(tautnet.TautnetError, match="column `when` holds dates, such as `2024-01-05T00:00:00`") as error:
        LipschitzRegressor(**QUICK, missing="median").fit(X, y)
    assert 'dates={"when": "parts"}' in str(error.value)


@pytest.mark.parametrize("missing", ["drop", "median", "indicator"])
def test_a_model_remembers_what_is_done_with_them(missing, tmp_path):
    X, y = frame()
    model = LipschitzRegressor(**QUICK, missing=missing, dates={"when": "parts"}).fit(X, y)
    assert (model.model_.columns, model.model_.missing, model.model_.dates) == (["when", "temp", "kind"], missing, [("when", "parts,ymd")])
    assert model.n_features_in_ == 3
    assert ("temp=missing" in model.model_.inputs) == (missing == "indicator")
    whole = X.dropna()
    expected = model.predict(whole)
    if missing == "drop":
        with pytest.raises(tautnet.TautnetError, match="row 4, column `temp` is missing"):
            model.predict(X)
        # The rows that are left out are as if they had not been there.
        same = LipschitzRegressor(**QUICK, dates={"when": "parts"}).fit(whole, y[whole.index])
        np.testing.assert_array_equal(same.predict(whole), expected)
    else:
        assert np.isfinite(model.predict(X)).all()
    model.save(tmp_path / "m.json")
    again = LipschitzRegressor.load(tmp_path / "m.json")
    np.testing.assert_array_equal(again.predict(whole), expected)
    assert (again.missing, again.dates) == (missing, {"when": "parts,ymd"})
    assert list(again.feature_names_in_) == ["when", "temp", "kind"]


def test_weights_and_targets_of_rows_that_are_left_out_are_left_out_too():
    X, y = frame()
    weights = np.arange(1.0, 41.0)
    whole = X.dropna().index
    model = LipschitzRegressor(**QUICK, missing="drop", dates={"when": "days"}).fit(X, y, weights)
    same = LipschitzRegressor(**QUICK, dates={"when": "days"}).fit(X.loc[whole], y[whole], weights[whole])
    np.testing.assert_array_equal(model.predict(X.loc[whole]), same.predict(X.loc[whole]))


def test_arrays_have_gaps_too():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    y = X[:, 0] + np.abs(X[:, 1])
    gaps = X.copy()
    gaps[4, 1] = np.nan
    model = LipschitzRegressor(**QUICK, missing="median").fit(gaps, y)
    filled = gaps.copy()
    filled[4, 1] = np.nanmedian(gaps[:, 1])
    same = LipschitzRegressor(**QUICK).fit(filled, y)
    np.testing.assert_array_equal(model.predict(filled), same.predict(filled))
    np.testing.assert_array_equal(model.predict(gaps), same.predict(filled))
    # Medians are learned even where nothing is missing, for rows that come later.
    later = LipschitzRegressor(**QUICK, missing="median").fit(X, y)
    assert np.isfinite(later.predict([[np.nan, np.nan, 0.5]])).all()
    with pytest.raises(tautnet.TautnetError, match="is `inf`, which is not a finite number"):
        later.predict([[np.inf, 0.0, 0.5]])
    assert later.__sklearn_tags__().input_tags.allow_nan
    assert not LipschitzRegressor().__sklearn_tags__().input_tags.allow_nan


def test_classifiers_take_them():
    X, y = frame()
    labels = np.where(y > y.median(), "high", "low")
    model = LipschitzClassifier(**QUICK, missing="indicator", dates={"when": "days"}).fit(X, labels)
    assert set(model.predict(X)) <= {"high", "low"}
    assert "kind=missing" in model.model_.inputs


def test_dates_of_polars_are_dates():
    polars = pytest.importorskip("polars")
    when = [datetime.date(2024, 1, 1) + datetime.timedelta(days=3 * k) for k in range(30)]
    X = polars.DataFrame({"when": when, "a": [float(k % 7) for k in range(30)]})
    y = np.array([float(k % 7) for k in range(30)])
    model = LipschitzRegressor(**QUICK, dates={"when": "parts"}).fit(X, y)
    assert model.model_.inputs == ["when.month", "when.day", "when.weekday", "a"]
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        ({"missing": "mean"}, "nothing called `mean` can be done with missing values"),
        ({"dates": {"when": "weeks"}}, "does not say what to do with dates"),
        ({"dates": {"temp": "days"}, "missing": "median"}, "column `temp` holds no dates"),
        ({"dates": {"none": "days"}}, "has no column `none`"),
        ({"dates": "when"}, "give a dictionary"),
        ({"dates": {"when": "days,dmy"}, "missing": "median"}, "are not in the order dmy"),
    ],
)
def test_what_cannot_be_done_is_said(asked, match):
    X, y = frame()
    with pytest.raises(tautnet.TautnetError, match=match):
        LipschitzRegressor(**QUICK, **asked).fit(X, y)


def test_a_path_of_prices_does_with_missing_values_what_it_is_told():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = X[:, 0] - np.abs(X[:, 1])
    gaps = X.copy()
    gaps[5, 0] = np.nan
    asked = {"prices": [0.1, 0.01], "hidden": 4, "start": "random"}
    path = tautnet.lipschitz_path(gaps, y, missing="drop", **asked)
    kept = np.arange(60) != 5
    assert np.array_equal(path.error, tautnet.lipschitz_path(X[kept], y[kept], **asked).error)
    with pytest.raises(TautnetError, match="is missing"):
        tautnet.lipschitz_path(gaps, y, **asked)
