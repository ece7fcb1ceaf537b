"""Importing bars: CSV and Parquet files become a Qlib data folder, or extend one."""
