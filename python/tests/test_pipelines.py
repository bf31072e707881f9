"""Pipelines of scikit-learn whose steps are linear: one network from the columns as they are to what the pipeline predicts."""
import re
import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_regression
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)

import tautnet
from tautnet import LipschitzClassifier, LipschitzRegressor, TautnetError, attack, certify, polish, verify, write_weights
from tautnet._networks import native

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def rows():
    """Five columns in uneven units, far from 0, and a target that is, too."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 5)) * [1.0, 20.0, 0.05, 3.0, 100.0] + [5.0, -40.0, 0.3, 0.0, 1000.0]
    y = 300.0 + 20.0 * np.sin(X[:, 0]) + X[:, 1] + 40.0 * X[:, 2] * X[:, 3] + rng.normal(size=150)
    return X, y


def mlp(*hidden, **parameters):
    return MLPRegressor(hidden_layer_sizes=hidden or (12,), solver="lbfgs", max_iter=60, random_state=0, **parameters)


class Negated(StandardScaler):
    """Somebody's own: a name of scikit-learn's does not say what it does."""

    def transform(self, X, copy=None):
        return -super().transform(X, copy)


class Doubled(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return 2 * X


def columns():
    return ColumnTransformer(
        [("scaled", StandardScaler(), [0, 3]), ("left", "passthrough", [4]), ("none", "drop", [1])],
        remainder=MinMaxScaler(), transformer_weights={"scaled": 2.0},
    )  # fmt: skip


STEPS = {
    "standard": lambda: [StandardScaler()],
    "standard, no mean": lambda: [StandardScaler(with_mean=False)],
    "standard, no deviation": lambda: [StandardScaler(with_std=False), StandardScaler()],
    "standard, nothing": lambda: [StandardScaler(with_mean=False, with_std=False), StandardScaler()],
    "least and largest": lambda: [MinMaxScaler((-1, 3))],
    "largest": lambda: [MaxAbsScaler()],
    "robust": lambda: [RobustScaler()],
    "robust, no center": lambda: [RobustScaler(with_centering=False)],
    "robust, no scale": lambda: [RobustScaler(with_scaling=False), MaxAbsScaler()],
    "components": lambda: [StandardScaler(), PCA(3)],
    "components, whitened": lambda: [PCA(4, whiten=True)],
    "singular vectors": lambda: [MaxAbsScaler(), TruncatedSVD(3, random_state=0), StandardScaler()],
    "the best": lambda: [SelectKBest(f_regression, k=3), StandardScaler()],
    "those that vary": lambda: [VarianceThreshold(0.01), RobustScaler()],
    "nothing": lambda: ["passthrough", FunctionTransformer(), StandardScaler()],
    "columns": lambda: [columns(), StandardScaler()],
    "a union": lambda: [StandardScaler(), FeatureUnion([("two", PCA(2)), ("all", "passthrough"), ("none", "drop")], transformer_weights={"two": 0.5})],
    "a pipeline within": lambda: [make_pipeline(StandardScaler(), PCA(4), MaxAbsScaler()), make_pipeline(StandardScaler(), MinMaxScaler())],
}  # fmt: skip


@pytest.mark.parametrize("of", STEPS)
@pytest.mark.parametrize("hidden", [(12,), (6, 5)])
def test_the_network_predicts_what_the_pipeline_predicts(rows, of, hidden):
    X, y = rows
    pipeline = make_pipeline(*STEPS[of](), mlp(*hidden)).fit(X, y)
    network = native(pipeline)
    assert network.inputs == 5
    new = X + np.random.default_rng(1).normal(size=X.shape) * X.std(axis=0) * 3
    for at in (X, new):
        np.testing.assert_allclose(network.predict(at), pipeline.predict(at), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler((2, 7)), MaxAbsScaler(), RobustScaler(with_centering=False), None])
def test_a_target_that_is_scaled(rows, scaler):
    X, y = rows
    inside = TransformedTargetRegressor(make_pipeline(StandardScaler(), mlp()), transformer=scaler).fit(X, y)
    outside = make_pipeline(StandardScaler(), TransformedTargetRegressor(mlp(), transformer=scaler)).fit(X, y)
    two = TransformedTargetRegressor(make_pipeline(StandardScaler(), mlp()), transformer=scaler).fit(X, np.stack([y, X[:, 3]], axis=1))
    for pipeline in (inside, outside, two):
        np.testing.assert_allclose(native(pipeline).predict(X), pipeline.predict(X), rtol=1e-9, atol=1e-9)


def difference_quotients(predict, X, order, count=4000):
    """How fast the output changes between pairs of rows, far and near."""
    rng = np.random.default_rng(3)
    at = X[rng.integers(len(X), size=count)] + rng.normal(size=(count, X.shape[1])) * X.std(axis=0)
    # Directions of all sizes, some along one column.
    way = rng.normal(size=at.shape) * X.std(axis=0) * 10.0 ** rng.uniform(-3, 1, size=(count, 1)) * (rng.random(at.shape) < 0.6)
    way[(way == 0).all(axis=1), 0] = 1e-3
    moved = np.abs(np.asarray(predict(at + way)) - np.asarray(predict(at))).reshape(count, -1).max(axis=1)
    return moved / np.linalg.norm(way, order, axis=1)


@pytest.mark.parametrize("norm, order", [("2", 2), ("inf", np.inf), ("1", 1)])
@pytest.mark.parametrize("hidden", [(12,), (6, 5)])
def test_a_certificate_is_about_the_whole_pipeline(rows, norm, order, hidden):
    X, y = rows
    pipeline = TransformedTargetRegressor(make_pipeline(RobustScaler(), PCA(4), mlp(*hidden)), transformer=StandardScaler()).fit(X, y)
    bounds = certify(pipeline, X, norm=norm)
    found = difference_quotients(pipeline.predict, X, order).max()
    assert 0 < found <= bounds.lipschitz_upper_bound * (1 + 1e-9)
    assert bounds.found <= bounds.proved * (1 + 1e-9)
    assert verify(bounds.certificate, pipeline) == bounds.certificate
    other = clone(pipeline).fit(X, y + X[:, 0])
    with pytest.raises(tautnet.NotProved):
        verify(bounds.certificate, other)


def test_an_attack_is_in_the_units_of_the_pipeline(rows):
    X, y = rows
    pipeline = TransformedTargetRegressor(make_pipeline(StandardScaler(), mlp()), transformer=StandardScaler()).fit(X, y)
    errors = (pipeline.predict(X) - y) ** 2
    result = attack(pipeline, X, y, radius=[0.0, 0.05, 0.2])
    assert result.found[0] == pytest.approx(errors.mean(), rel=1e-9)
    assert (result.found <= result.proved * (1 + 1e-9)).all() and (np.diff(result.found) > 0).all()
    # Within half a unit of one column: no worse than what a grid over it finds for any row.
    within = attack(pipeline, X, y, tolerance={"column_1": 0.5})
    worst = np.max([(pipeline.predict(X + [shift, 0, 0, 0, 0]) - y) ** 2 for shift in np.linspace(-0.5, 0.5, 201)], axis=0).mean()
    at = list(within.size).index(1.0)
    assert worst <= within.proved[at] * (1 + 1e-9) and within.found[at] >= 0.99 * worst
    # In the units of the columns themselves a radius is much less of a column of hundreds.
    own = attack(pipeline, X, y, radius=0.05, standardize=False)
    assert own.found[0] <= own.proved[0] * (1 + 1e-9)


@pytest.mark.parametrize("parameters", [{"lipschitz_price": 0.03}, {"tolerance": "0.1sd", "tolerance_shape": "box"}])
def test_a_polish_is_never_worse_and_takes_the_columns_as_they_are(rows, parameters):
    X, y = rows
    pipeline = TransformedTargetRegressor(make_pipeline(StandardScaler(), mlp()), transformer=StandardScaler()).fit(X[:100], y[:100])
    better = polish(pipeline, X[:100], y[:100], **parameters)
    assert isinstance(better, LipschitzRegressor)
    assert better.objective_["objective"] <= better.objective_["before"]["objective"] * (1 + 1e-9)
    if "lipschitz_price" in parameters:
        scale = y[:100].std()
        for model, part in [(pipeline, better.objective_["before"]), (better, better.objective_)]:
            assert part["loss"] == pytest.approx(np.mean((model.predict(X[:100]) - y[:100]) ** 2) / scale**2, rel=1e-6)
    assert certify(better).lipschitz_upper_bound > 0
    assert difference_quotients(better.predict, X, 2).max() <= better.certificate_.lipschitz_upper_bound * (1 + 1e-9)


def test_a_deep_pipeline_is_polished(rows):
    X, y = rows
    pipeline = TransformedTargetRegressor(make_pipeline(StandardScaler(), mlp(6, 5)), transformer=StandardScaler()).fit(X, y)
    better = polish(pipeline, X, y, lipschitz_price=0.01, rounds=2)
    told = better.objective_["polish"]
    assert told["after"]["objective"] <= told["before"]["objective"] * (1 + 1e-9)
    assert better.predict(X).shape == y.shape


@pytest.mark.parametrize("names", [["no", "yes"], ["low", "middle", "high"]])
def test_a_pipeline_of_classes(rows, names):
    X, y = rows
    labels = np.array(names)[np.digitize(y, np.quantile(y, np.linspace(0, 1, len(names) + 1)[1:-1]))]
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(hidden_layer_sizes=(10,), solver="lbfgs", max_iter=30, alpha=1.0, random_state=0)).fit(X, labels)
    outputs = native(pipeline).predict(X)
    places = (outputs > 0).astype(int) if len(names) == 2 else outputs.argmax(axis=1)
    assert (pipeline.classes_[places] == pipeline.predict(X)).all()
    if len(names) == 2:
        likely = pipeline.predict_proba(X)
        np.testing.assert_allclose(outputs, np.log(likely[:, 1] / likely[:, 0]), rtol=1e-6, atol=1e-6)
    bounds = certify(pipeline, X) if len(names) == 2 else certify(pipeline, X, labels, radius=0.01)
    assert difference_quotients(native(pipeline).predict, X, 2).max() <= bounds.lipschitz_upper_bound * (1 + 1e-9)
    better = polish(pipeline, X, labels, lipschitz_price=0.01) if len(names) == 2 else polish(pipeline, X, labels, tolerance="0.05sd")
    assert isinstance(better, LipschitzClassifier) and list(better.classes_) == sorted(names)
    if len(names) == 2:
        assert better.objective_["objective"] <= better.objective_["before"]["objective"] * (1 + 1e-9)
        result = attack(pipeline, X, labels, radius=[0.0, 0.1])
        assert result.loss == "logistic" and (result.found <= result.proved * (1 + 1e-9)).all()
    else:
        assert 0 <= bounds.margins.proved_right <= bounds.margins.right <= bounds.margins.rows == len(X)


def test_a_pipeline_that_ends_with_an_estimator_of_this_package(rows):
    X, y = rows
    pipeline = make_pipeline(MinMaxScaler(), LipschitzRegressor(hidden=8, lipschitz_price=0.03, loss="huber:0.5")).fit(X, y)
    np.testing.assert_allclose(native(pipeline).predict(X), pipeline.predict(X), rtol=1e-9, atol=1e-9)
    result = attack(pipeline, X, y, radius=[0.0, 0.1])
    assert result.loss == "huber:0.5"
    # Where no step does anything, it is the model itself, with its columns and its certificate.
    alone = Pipeline([("first", "passthrough"), ("net", LipschitzRegressor(hidden=8, lipschitz_price=0.03))]).fit(X, y)
    assert native(alone) is alone[-1].model_
    hinge = make_pipeline(StandardScaler(), LipschitzClassifier(hidden=6, lipschitz_price=0.03, loss="hinge")).fit(X, y > y.mean())
    assert attack(hinge, X, y > y.mean(), radius=0.1).loss == "hinge"
    deep = make_pipeline(MinMaxScaler(), LipschitzRegressor(layers=(6, 5), epochs=3)).fit(X, y)
    np.testing.assert_allclose(native(deep).predict(X), deep.predict(X), rtol=1e-9, atol=1e-9)


def test_frames_keep_their_names(rows):
    pandas = pytest.importorskip("pandas")
    X, y = rows
    frame = pandas.DataFrame(X, columns=list("abcde"))
    named = ColumnTransformer([("scaled", StandardScaler(), ["b", "a"]), ("rest", MinMaxScaler(), slice("c", "d"))], remainder="passthrough")
    pipeline = make_pipeline(named, StandardScaler(), mlp()).fit(frame, y)
    np.testing.assert_allclose(native(pipeline).predict(X), pipeline.predict(frame), rtol=1e-9, atol=1e-9)
    masked = ColumnTransformer([("scaled", StandardScaler(), np.array([True, False, True, False, False])), ("one", MinMaxScaler(), [-1])])
    pipeline_of_masks = make_pipeline(masked, mlp()).fit(X, y)
    np.testing.assert_allclose(native(pipeline_of_masks).predict(X), pipeline_of_masks.predict(X), rtol=1e-9, atol=1e-9)
    better = polish(pipeline, frame, y, lipschitz_price=0.1)
    assert better.model_.columns == list("abcde") and list(better.feature_names_in_) == list("abcde")
    for other, what in [
        (frame[list("bacde")], "stand in another order"),
        (frame.rename(columns={"a": "z"}), "X has no column `a`, which the Pipeline was fitted on"),
        (frame.assign(f=1.0), "X has the column `f`, which the Pipeline was not fitted on"),
    ]:
        for work in (polish, attack):
            with pytest.raises(TautnetError, match=what):
                work(pipeline, other, y)
        with pytest.raises(TautnetError, match=what):
            certify(pipeline, other)


def not_linear(*steps):
    return lambda X, y: make_pipeline(*steps, mlp()).fit(X, y)


def with_target(transformer):
    return lambda X, y: TransformedTargetRegressor(mlp(), transformer=transformer).fit(X, y)


@pytest.mark.parametrize(
    "make, what, hint",
    [
        (lambda X, y: make_pipeline(StandardScaler(), mlp()), r"the step `standardscaler` \(StandardScaler\) is not fitted", "fit"),
        (lambda X, y: make_pipeline(VarianceThreshold(), mlp()), r"the step `variancethreshold` \(VarianceThreshold\) is not fitted", "fit"),
        (lambda X, y: make_pipeline(PCA(2), mlp()), r"the step `pca` \(PCA\) is not fitted", "fit"),
        (lambda X, y: make_pipeline("passthrough", mlp()), r"`mlpregressor` \(MLPRegressor\), has no network: it is not fitted", "fit the Pipeline"),
        (lambda X, y: Pipeline([]), "the Pipeline has no steps", "last step is a fitted network"),
        (lambda X, y: make_pipeline(StandardScaler(), "passthrough").fit(X, y), r"`passthrough` \(passthrough\), predicts nothing", "fitted network"),
        (lambda X, y: make_pipeline(StandardScaler(), PCA(2)).fit(X, y), r"`pca` \(PCA\), predicts nothing", "fitted network"),
        (lambda X, y: make_pipeline(StandardScaler(), LinearRegression()).fit(X, y), r"\(LinearRegression\), has no network", "MLPRegressor"),
        (not_linear(StandardScaler(), PolynomialFeatures(2)), r"the step `polynomialfeatures` \(PolynomialFeatures\).* not known to be linear", r"pipeline\[2:\]"),
        (not_linear(Normalizer()), r"`normalizer` \(Normalizer\)", r"pipeline\[:1\].transform\(X\)"),
        (not_linear(PowerTransformer()), r"`powertransformer` \(PowerTransformer\)", "pipeline"),
        (not_linear(FunctionTransformer(np.tanh)), r"`functiontransformer` \(FunctionTransformer\)", "pipeline"),
        (not_linear(MinMaxScaler(clip=True)), r"`minmaxscaler` \(MinMaxScaler\) has clip=True", "clip=False"),
        (not_linear(Negated()), r"`negated` \(Negated\)", "pipeline"),
        (not_linear(Doubled()), r"`doubled` \(Doubled\)", "pipeline"),
        (not_linear(ColumnTransformer([("poly", PolynomialFeatures(2), [0, 1])])), r"the part `poly` of a ColumnTransformer \(PolynomialFeatures\)", "StandardScaler"),
        (not_linear(FeatureUnion([("poly", PolynomialFeatures(2))])), r"the part `poly` of a FeatureUnion", "StandardScaler"),
        (not_linear(FeatureUnion([("same", "passthrough")])), "a FeatureUnion does nothing", "leave it out"),
        (with_target(PowerTransformer()), r"the `transformer` \(PowerTransformer\) of the target", "StandardScaler"),
        (with_target(MinMaxScaler(clip=True)), r"the `transformer` \(MinMaxScaler\) has clip=True", "clip=False"),
        (lambda X, y: TransformedTargetRegressor(mlp(), func=np.cbrt, inverse_func=lambda z: z**3).fit(X, y), "of the target is not known to be linear", "none"),
        (lambda X, y: TransformedTargetRegressor(mlp()), "the TransformedTargetRegressor is not fitted", "fit"),
        (lambda X, y: TransformedTargetRegressor(LinearRegression()).fit(X, y), "a LinearRegression, has no network", "MLPRegressor"),
        (lambda X, y: Pipeline, "Pipeline is a class", "fit it"),
    ],
)  # fmt: skip
def test_what_is_no_network_is_refused_by_name(rows, make, what, hint):
    X, y = rows
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = make(X, y)
    for work in (lambda: certify(given), lambda: attack(given, X, y), lambda: polish(given, X, y)):
        with pytest.raises(TautnetError, match=what) as refused:
            work()
        assert hint.replace("\\", "") in refused.value.hint


def test_the_advice_for_a_step_that_is_not_linear_works(rows):
    X, y = rows
    pipeline = make_pipeline(PolynomialFeatures(2), StandardScaler(), mlp()).fit(X, y)
    np.testing.assert_allclose(native(pipeline[1:]).predict(pipeline[:1].transform(X)), pipeline.predict(X), rtol=1e-9, atol=1e-9)


def test_a_search_says_where_its_network_is(rows):
    X, y = rows
    search = GridSearchCV(make_pipeline(StandardScaler(), mlp()), {"mlpregressor__alpha": [0.01, 1.0]}, cv=2).fit(X, y)
    with pytest.raises(TautnetError, match="a GridSearchCV is not a network") as refused:
        certify(search)
    assert refused.value.hint == "give its best_estimator_"
    np.testing.assert_allclose(native(search.best_estimator_).predict(X), search.predict(X), rtol=1e-9, atol=1e-9)


def test_rows_in_single_precision(rows):
    """The network is in double precision, and so is its proof: scikit-learn rounds each step to single."""
    X, y = (array.astype(np.float32) for array in rows)
    pipeline = make_pipeline(StandardScaler(), mlp()).fit(X, y)
    np.testing.assert_allclose(native(pipeline).predict(X), pipeline.predict(X), rtol=1e-3)


def test_what_a_network_alone_refuses_a_pipeline_refuses(rows):
    X, y = rows
    with_two_labels = make_pipeline(StandardScaler(), MLPClassifier(hidden_layer_sizes=(4,), max_iter=5)).fit(X, np.c_[y > 300, X[:, 0] > 5].astype(int))
    with pytest.raises(TautnetError, match="2 outputs of the activation `logistic`"):
        certify(with_two_labels)
    if "loss" in MLPRegressor().get_params():  # since scikit-learn 1.7
        try:
            counts = make_pipeline(StandardScaler(), MLPRegressor(loss="poisson", hidden_layer_sizes=(4,), max_iter=5)).fit(X, np.abs(y))
        except ValueError:
            return
        with pytest.raises(TautnetError, match="activation"):
            certify(counts)


def test_steps_that_do_not_fit_together_are_refused(rows):
    X, y = rows
    three = StandardScaler().fit(X[:, :3])
    with pytest.raises(TautnetError, match=r"the step `a` \(StandardScaler\) makes 3 columns, and what comes after it takes 5"):
        certify(Pipeline([("a", three), ("b", mlp().fit(X, y))]))


def test_a_model_that_encodes_its_columns_itself_has_no_scaler_before_it(rows):
    pandas = pytest.importorskip("pandas")
    X, y = rows
    frame = pandas.DataFrame({"a": X[:, 0], "kind": np.where(X[:, 1] > -40, "x", "z")})
    part = ColumnTransformer([("scaled", StandardScaler(), ["a"])], remainder="passthrough", verbose_feature_names_out=False).set_output(transform="pandas")
    pipeline = make_pipeline(part, LipschitzRegressor(hidden=5, lipschitz_price=0.1)).fit(frame, y)
    with pytest.raises(TautnetError, match="makes inputs of words"):
        certify(pipeline)


def test_bad_rows_and_weights_are_refused(rows):
    X, y = rows
    pipeline = make_pipeline(StandardScaler(), mlp()).fit(X, y)
    broken = X.copy()
    broken[3, 1] = np.nan
    for given, what in [(X[:, :4], "4"), (broken, "missing"), (X[:0], "0 sample")]:
        with pytest.raises(ValueError, match=what):
            attack(pipeline, given, y[: len(given)], radius=0.1)
    with pytest.raises(TautnetError, match="cannot be written into a Pipeline"):
        write_weights(pipeline, pipeline)
    pipeline[0].scale_ = np.array([np.nan, 1, 1, 1, 1])
    with pytest.raises(TautnetError):
        certify(pipeline)




def gaps(X):
    """The same with a value missing in some columns, and a column without any."""
    X = np.column_stack([X, np.full(len(X), np.nan)])
    X[3, 0] = X[7, 2] = np.nan
    return X


IMPUTERS = {
    "mean": SimpleImputer(),
    "median": SimpleImputer(strategy="median", add_indicator=True),
    "empty": SimpleImputer(strategy="most_frequent", keep_empty_features=True),
    "constant": SimpleImputer(strategy="constant", fill_value=3.0, add_indicator=True),
    "part": ColumnTransformer([("impute", SimpleImputer(), [0, 2]), ("scale", StandardScaler(), [1, 3])]),
    "chain": make_pipeline(SimpleImputer(), StandardScaler()),
}


@pytest.mark.parametrize("kind", IMPUTERS)
@pytest.mark.filterwarnings("ignore:Skipping features without")
def test_an_imputer_is_taken_for_what_it_is_where_nothing_is_missing(rows, kind):
    X, y = rows
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = make_pipeline(IMPUTERS[kind], StandardScaler(), mlp()).fit(gaps(X), y)
    whole = np.column_stack([X, np.linspace(-1.0, 1.0, len(X))])
    name = "part `impute` of a ColumnTransformer" if kind == "part" else "step `simpleimputer`"
    with pytest.warns(UserWarning, match=rf"the {name} \(SimpleImputer\) is taken for what it is on rows without missing values"):
        network = native(pipeline)
    assert np.allclose(network.predict(whole), pipeline.predict(whole), rtol=1e-9)
    with pytest.warns(UserWarning, match="SimpleImputer"):
        bounds = certify(pipeline)
    ends = pipeline.predict(whole)
    steps = np.linalg.norm(whole[1:] - whole[:-1], axis=1)
    assert (np.abs(np.diff(ends)) <= bounds.proved * steps * (1 + 1e-9)).all() and bounds.found <= bounds.proved
    with pytest.warns(UserWarning, match="SimpleImputer"):
        found = polish(pipeline, whole, y, lipschitz_price=0.01)
        assert found.objective_["objective"] <= found.objective_["before"]["objective"]
        attack(pipeline, whole, y, 0.1)
    for call in (lambda X: certify(pipeline, X), lambda X: polish(pipeline, X, y), lambda X: attack(pipeline, X, y, 0.1)):
        with pytest.raises(TautnetError, match=rf"X has missing values, and the {name} \(SimpleImputer\) of the Pipeline fills them") as error, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call(gaps(X))
        assert "give the rows in which nothing is missing" in error.value.hint


def test_imputers_that_are_not_linear_on_numbers_are_refused(rows):
    X, y = rows
    for imputer, what, hint in [
        (SimpleImputer(missing_values=-1), r"\(SimpleImputer\) fills in for -1", "missing_values=np.nan"),
        (KNNImputer(), r"\(KNNImputer\) of the Pipeline is not known to be linear", r"pipeline\[1:\]"),
    ]:
        pipeline = make_pipeline(imputer, mlp()).fit(np.round(X), y)
        with pytest.raises(TautnetError, match=what) as error:
            certify(pipeline)
        assert re.search(hint, error.value.hint), error.value.hint
    pipeline = make_pipeline(SimpleImputer(), mlp()).fit(X, y)
    pipeline.steps[0] = ("simpleimputer", SimpleImputer())
    with pytest.raises(TautnetError, match="SimpleImputer.* is not fitted"):
        certify(pipeline)


def test_encoders_of_categories_are_refused_by_name(rows):
    X, y = rows
    kinds = np.where(X[:, :1] > 5, "high", "low").astype(object)
    for encoder in (OneHotEncoder(sparse_output=False), OrdinalEncoder()):
        name = type(encoder).__name__
        part = ColumnTransformer([("kinds", encoder, [5]), ("scale", StandardScaler(), [0, 1, 2, 3, 4])])
        table = np.column_stack([X.astype(object), kinds])
        pipeline = make_pipeline(part, mlp()).fit(table, y)
        with pytest.raises(TautnetError, match=rf"the part `kinds` of a ColumnTransformer \({name}\) of the Pipeline makes numbers of categories, which is not linear") as error:
            certify(pipeline)
        assert "LipschitzRegressor" in error.value.hint and "it encodes words" in error.value.hint
        pipeline = make_pipeline(encoder, mlp()).fit(kinds, y)
        with pytest.raises(TautnetError, match=rf"the step `{name.lower()}` \({name}\) of the Pipeline makes numbers of categories") as error:
            polish(pipeline, kinds, y)
        assert "pipeline[1:], and X as the steps up to it make it, pipeline[:1].transform(X)" in error.value.hint
        # What is advised works.
        assert certify(pipeline[1:], pipeline[:1].transform(kinds)).proved > 0
