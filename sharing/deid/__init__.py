"""De-identification by DICOM PS3.15 Annex E: rules as data, an engine that walks bytes, a ledger."""
