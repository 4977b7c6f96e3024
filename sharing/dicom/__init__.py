"""Pure DICOM: scan, names, frames, pictures, discs and archives; knows no Django."""
