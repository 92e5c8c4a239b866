"""A checksum beside every stored value, so that what rotted on disk is known before it is served. Pure.

Against disks, not against people: whoever may write the file may write the checksum too. Readers have the seal.
"""

import zlib


def record_crc(workstation: int, seq: int, key_epoch: int, key: bytes, sealed: bytes) -> int:
    """CRC-32 of a record as it is served; `workstation` is its row's number."""
    return zlib.crc32(sealed, zlib.crc32(key, zlib.crc32(b"%d %d %d " % (workstation, seq, key_epoch))))
