/* cortex_m4_hand.S: the best loops for a Cortex-M4 that we could write by hand, for cortex_m4.sh to count: a dense layer of
 * 8k inputs, four outputs at a time over eight inputs, then the outputs left one by one; bias first, inputs in order.
 *     void hand_dense(const float *x, const float *w, const float *b, float *y, int in, int out, int relu) */
    .syntax unified
    .thumb
    .fpu fpv4-sp-d16
    .global hand_dense
    .thumb_func
    .type hand_dense, %function
    .macro eight w, a
    vldmia \w!, {s8-s15}
    vfma.f32 \a, s8, s0
    vfma.f32 \a, s9, s1
    vfma.f32 \a, s10, s2
    vfma.f32 \a, s11, s3
    vfma.f32 \a, s12, s4
    vfma.f32 \a, s13, s5
    vfma.f32 \a, s14, s6
    vfma.f32 \a, s15, s7
    .endm
    .macro floor a
    vcmp.f32 \a, #0
    vmrs APSR_nzcv, fpscr
    it mi
    vmovmi.f32 \a, s20
    .endm
hand_dense:
    push {r4-r11, lr}
    vpush {s16-s20}
    ldr r4, [sp, #56]           /* in */
    ldr r5, [sp, #60]           /* out */
    ldr r11, [sp, #64]          /* relu */
    vmov.f32 s20, #1.0
    vsub.f32 s20, s20, s20
    lsl r10, r4, #2            /* bytes of a row */
1:  cmp r5, #4
    blt 3f
    vldmia r2!, {s16-s19}
    mov r6, r0
    add r7, r1, r10
    add r8, r7, r10
    add r9, r8, r10
    lsr r12, r4, #3
2:  vldmia r6!, {s0-s7}
    eight r1, s16
    eight r7, s17
    eight r8, s18
    eight r9, s19
    subs r12, r12, #1
    bne 2b
    mov r1, r9
    cmp r11, #0
    beq 4f
    floor s16
    floor s17
    floor s18
    floor s19
4:  vstmia r3!, {s16-s19}
    subs r5, r5, #4
    b 1b
3:  cbz r5, 6f
    vldmia r2!, {s16}
    mov r6, r0
    lsr r12, r4, #3
5:  vldmia r6!, {s0-s7}
    eight r1, s16
    subs r12, r12, #1
    bne 5b
    cmp r11, #0
    beq 7f
    floor s16
7:  vstmia r3!, {s16}
    subs r5, r5, #1
    b 3b
6:  vpop {s16-s20}
    pop {r4-r11, pc}
