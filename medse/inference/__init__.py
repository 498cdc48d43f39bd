"""From a volume to its label map: window, backend and the way back to the scan's own grid."""
