"""The report's chapter on transfer: what weights that were fine-tuned on other tables bring.

Its sentences, figures and tables are made of `bench.analysis.transfer`; it computes no number.
"""
