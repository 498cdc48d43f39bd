"""One codec for each file format.

Whatever cannot be trusted (a header, a length, a voxel) is refused with an :class:`medse.errors.InputError`.
"""
