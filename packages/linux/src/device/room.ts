import type { PacketBatch } from '@skep/packet'

/**
 * Where in the batch's buffer the next packet would lie, and how many bytes it may have: what a system call writes there is
 * made a packet by `add(batch.buffer, at, length)`, which then has nothing to move.
 */
export class Room {
  at = 0
  length = 0

  /** Looks behind the batch's last packet. False where there is no room for any. */
  find(batch: PacketBatch): boolean {
    const { count, tables, headroom, tailroom, frameSize, align } = batch
    let top = batch.start
    if (count > 0) {
      const offset = tables.offsets[count - 1]!
      top = Math.max(offset + tables.lengths[count - 1]! + tailroom, offset - headroom + frameSize)
    }
    this.at = ((top + align - 1) & -align) + headroom
    const fits = this.at - headroom + frameSize <= batch.end
    this.length = fits ? batch.end - tailroom - this.at : 0
    return count < batch.capacity && this.length > 0
  }
}
