"""Bytes on local disk become digests: files, safetensors tensors, Arrow rows."""
