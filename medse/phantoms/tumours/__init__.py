"""Generated slices of heads with a tumour: T1 after contrast medium, three kinds that differ in place and texture."""
