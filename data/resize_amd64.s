#include "textflag.h"

// Two pixels are eight 32-bit lanes. A sum of products fits a lane, as in Go.

DATA pair<>+0(SB)/4, $0
DATA pair<>+4(SB)/4, $0
DATA pair<>+8(SB)/4, $0
DATA pair<>+12(SB)/4, $0
DATA pair<>+16(SB)/4, $1
DATA pair<>+20(SB)/4, $1
DATA pair<>+24(SB)/4, $1
DATA pair<>+28(SB)/4, $1
GLOBL pair<>(SB), RODATA|NOPTR, $32

DATA half<>+0(SB)/4, $0x200000 // 1 << (weightBits-1)
GLOBL half<>(SB), RODATA|NOPTR, $4

DATA opaque<>+0(SB)/4, $0xFF000000
GLOBL opaque<>(SB), RODATA|NOPTR, $4

// func alongRowAVX2(out, in *uint8, start, count *int, weights *int32, taps, n int)
TEXT ·alongRowAVX2(SB), NOSPLIT, $0-56
	MOVQ out+0(FP), DI
	MOVQ in+8(FP), SI
	MOVQ start+16(FP), R8
	MOVQ count+24(FP), R9
	MOVQ weights+32(FP), R10
	MOVQ taps+40(FP), R11
	MOVQ n+48(FP), R12
	SHLQ $2, R11
	VMOVDQU pair<>(SB), Y15
	VPBROADCASTD half<>(SB), X14
	VPBROADCASTD opaque<>(SB), X13

pixel:
	MOVQ (R8), AX
	LEAQ (SI)(AX*4), AX
	MOVQ (R9), CX
	MOVQ R10, BX
	VPXOR Y0, Y0, Y0
	SUBQ $2, CX
	JLT  last

two:
	VPMOVZXBD (AX), Y1
	VMOVQ (BX), X2
	VPERMD Y2, Y15, Y2
	VPMULLD Y1, Y2, Y2
	VPADDD Y2, Y0, Y0
	ADDQ $8, AX
	ADDQ $8, BX
	SUBQ $2, CX
	JGE  two

last:
	ADDQ $2, CX
	JEQ  done
	VPMOVZXBD (AX), X1
	VPBROADCASTD (BX), X2
	VPMULLD X1, X2, X2
	VPADDD Y2, Y0, Y0

done:
	VEXTRACTI128 $1, Y0, X1
	VPADDD X1, X0, X0
	VPADDD X14, X0, X0
	VPSRAD $22, X0, X0
	VPACKUSDW X0, X0, X0
	VPACKUSWB X0, X0, X0
	VPOR X13, X0, X0
	VMOVD X0, (DI)
	ADDQ $4, DI
	ADDQ $8, R8
	ADDQ $8, R9
	ADDQ R11, R10
	DECQ R12
	JNE  pixel
	VZEROUPPER
	RET

// func downColumnsAVX2(out, in *uint8, stride int, weights *int32, count, n int)
TEXT ·downColumnsAVX2(SB), NOSPLIT, $0-48
	MOVQ out+0(FP), DI
	MOVQ in+8(FP), SI
	MOVQ stride+16(FP), R8
	MOVQ weights+24(FP), R9
	MOVQ count+32(FP), R10
	MOVQ n+40(FP), R12
	VPBROADCASTD half<>(SB), Y14
	VPBROADCASTD opaque<>(SB), X13

four:
	MOVQ SI, AX
	MOVQ R9, BX
	MOVQ R10, CX
	VMOVDQA Y14, Y0
	VMOVDQA Y14, Y1

tap:
	VPBROADCASTD (BX), Y2
	VPMOVZXBD (AX), Y3
	VPMOVZXBD 8(AX), Y4
	VPMULLD Y2, Y3, Y3
	VPMULLD Y2, Y4, Y4
	VPADDD Y3, Y0, Y0
	VPADDD Y4, Y1, Y1
	ADDQ R8, AX
	ADDQ $4, BX
	DECQ CX
	JNE  tap

	VPSRAD $22, Y0, Y0
	VPSRAD $22, Y1, Y1
	VPACKUSDW Y1, Y0, Y0 // pixels 0 2 | 1 3
	VPACKUSWB Y0, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPUNPCKLDQ X1, X0, X0
	VPOR X13, X0, X0
	VMOVDQU X0, (DI)
	ADDQ $16, DI
	ADDQ $16, SI
	SUBQ $4, R12
	JNE  four
	VZEROUPPER
	RET
