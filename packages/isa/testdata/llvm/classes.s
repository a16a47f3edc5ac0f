# Every instruction that LLVM 19 can write, with the extreme values of its fields.
	.text
start:
	r1 += 5
	r10 += r9
	r1 -= 5
	r10 -= r9
	r1 *= 5
	r10 *= r9
	r1 /= 5
	r10 /= r9
	r1 s/= 5
	r10 s/= r9
	r1 |= 5
	r10 |= r9
	r1 &= 5
	r10 &= r9
	r1 <<= 5
	r10 <<= r9
	r1 >>= 5
	r10 >>= r9
	r1 %= 5
	r10 %= r9
	r1 s%= 5
	r10 s%= r9
	r1 ^= 5
	r10 ^= r9
	r1 s>>= 5
	r10 s>>= r9
	r2 = -2147483648
	r3 = 2147483647
	r4 = r5
	r6 = -r6
	r7 = (s8)r8
	r7 = (s16)r8
	w1 += 5
	w10 += w9
	w1 -= 5
	w10 -= w9
	w1 *= 5
	w10 *= w9
	w1 /= 5
	w10 /= w9
	w1 s/= 5
	w10 s/= w9
	w1 |= 5
	w10 |= w9
	w1 &= 5
	w10 &= w9
	w1 <<= 5
	w10 <<= w9
	w1 >>= 5
	w10 >>= w9
	w1 %= 5
	w10 %= w9
	w1 s%= 5
	w10 s%= w9
	w1 ^= 5
	w10 ^= w9
	w1 s>>= 5
	w10 s>>= w9
	w2 = -2147483648
	w3 = 2147483647
	w4 = w5
	w6 = -w6
	w7 = (s8)w8
	w7 = (s16)w8
	r7 = (s32)r8
	r1 = addr_space_cast(r2, 0, 1)
	r1 = addr_space_cast(r2, 1, 0)
	r1 = be16 r1
	r2 = be32 r2
	r4 = be64 r4
	r1 = le16 r1
	r2 = le32 r2
	r4 = le64 r4
	r1 = bswap16 r1
	r2 = bswap32 r2
	r4 = bswap64 r4
middle:
	r0 = *(u8 *)(r1 + 0)
	r9 = *(u8 *)(r10 - 32768)
	r0 = *(u16 *)(r1 + 0)
	r9 = *(u16 *)(r10 - 32768)
	r0 = *(u32 *)(r1 + 0)
	r9 = *(u32 *)(r10 - 32768)
	r0 = *(u64 *)(r1 + 0)
	r9 = *(u64 *)(r10 - 32768)
	r0 = *(s8 *)(r1 + 0)
	r9 = *(s8 *)(r10 - 32768)
	r0 = *(s16 *)(r1 + 0)
	r9 = *(s16 *)(r10 - 32768)
	r0 = *(s32 *)(r1 + 0)
	r9 = *(s32 *)(r10 - 32768)
	*(u8 *)(r1 + 32767) = r2
	*(u8 *)(r10 - 8) = 100
	*(u8 *)(r10 - 8) = -1
	*(u16 *)(r1 + 32767) = r2
	*(u16 *)(r10 - 8) = 100
	*(u16 *)(r10 - 8) = -1
	*(u32 *)(r1 + 32767) = r2
	*(u32 *)(r10 - 8) = 100
	*(u32 *)(r10 - 8) = -1
	*(u64 *)(r1 + 32767) = r2
	*(u64 *)(r10 - 8) = 100
	*(u64 *)(r10 - 8) = -1
	lock *(u64 *)(r1 + 8) += r2
	lock *(u32 *)(r1 - 8) += w2
	lock *(u64 *)(r1 + 8) |= r2
	lock *(u32 *)(r1 - 8) |= w2
	lock *(u64 *)(r1 + 8) &= r2
	lock *(u32 *)(r1 - 8) &= w2
	lock *(u64 *)(r1 + 8) ^= r2
	lock *(u32 *)(r1 - 8) ^= w2
	r2 = atomic_fetch_add((u64 *)(r1 + 8), r2)
	w2 = atomic_fetch_add((u32 *)(r1 - 8), w2)
	r2 = atomic_fetch_or((u64 *)(r1 + 8), r2)
	w2 = atomic_fetch_or((u32 *)(r1 - 8), w2)
	r2 = atomic_fetch_and((u64 *)(r1 + 8), r2)
	w2 = atomic_fetch_and((u32 *)(r1 - 8), w2)
	r2 = atomic_fetch_xor((u64 *)(r1 + 8), r2)
	w2 = atomic_fetch_xor((u32 *)(r1 - 8), w2)
	r2 = xchg_64(r1 + 8, r2)
	w2 = xchg32_32(r1 - 8, w2)
	r0 = cmpxchg_64(r1 + 8, r0, r2)
	w0 = cmpxchg32_32(r1 - 8, w0, w2)
	r0 = *(u8 *)skb[20]
	r0 = *(u8 *)skb[r3]
	r0 = *(u16 *)skb[20]
	r0 = *(u16 *)skb[r3]
	r0 = *(u32 *)skb[20]
	r0 = *(u32 *)skb[r3]
	r1 = 0 ll
	r1 = -1 ll
	r1 = 0x7fffffffffffffff ll
	r1 = 0x8000000000000000 ll
	r1 = 0xffffffff ll
	r1 = 4294967296 ll
	.byte 0x18, 0x12, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
	.byte 0x18, 0x22, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 8, 0, 0, 0
	if r1 == -2 goto middle
	if r1 == r2 goto end
	if r1 > -2 goto middle
	if r1 > r2 goto end
	if r1 >= -2 goto middle
	if r1 >= r2 goto end
	if r1 & -2 goto middle
	if r1 & r2 goto end
	if r1 != -2 goto middle
	if r1 != r2 goto end
	if r1 s> -2 goto middle
	if r1 s> r2 goto end
	if r1 s>= -2 goto middle
	if r1 s>= r2 goto end
	if r1 < -2 goto middle
	if r1 < r2 goto end
	if r1 <= -2 goto middle
	if r1 <= r2 goto end
	if r1 s< -2 goto middle
	if r1 s< r2 goto end
	if r1 s<= -2 goto middle
	if r1 s<= r2 goto end
	if w1 == -2 goto middle
	if w1 == w2 goto end
	if w1 > -2 goto middle
	if w1 > w2 goto end
	if w1 >= -2 goto middle
	if w1 >= w2 goto end
	if w1 & -2 goto middle
	if w1 & w2 goto end
	if w1 != -2 goto middle
	if w1 != w2 goto end
	if w1 s> -2 goto middle
	if w1 s> w2 goto end
	if w1 s>= -2 goto middle
	if w1 s>= w2 goto end
	if w1 < -2 goto middle
	if w1 < w2 goto end
	if w1 <= -2 goto middle
	if w1 <= w2 goto end
	if w1 s< -2 goto middle
	if w1 s< w2 goto end
	if w1 s<= -2 goto middle
	if w1 s<= w2 goto end
	goto end
	goto +0
	goto -300
	goto +300
	gotol start
	gotol end
	may_goto end
	may_goto +1
	call 12
	call start
	callx r4
end:
	r0 = 0
	exit
