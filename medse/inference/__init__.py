"""From a volume to its label map: window, backend, and back onto the scan's own grid."""
