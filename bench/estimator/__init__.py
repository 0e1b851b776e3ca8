"""The door for Python: scikit-learn estimators that fine-tune on one's own table, or keep the base.

It knows no cells and no records; all that it computes are the parts that cells are computed by.
"""

from bench.estimator.estimators import FineTunedClassifier, FineTunedRegressor

__all__ = ["FineTunedClassifier", "FineTunedRegressor"]
