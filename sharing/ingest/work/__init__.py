"""The long jobs of receiving: spool → check → store → commit. Each may be run again."""
