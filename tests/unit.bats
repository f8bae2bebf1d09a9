#!/usr/bin/env bats
# unit.bats: tests the runner's modules on their own: tests/unit/*.c, each a program that exits with 0 if all is well.

load helper

run_unit() {
    capture "$UNIT/$1"
    assert_empty "$err"
    assert_status 0
}

@test "the ring: bounded, in order, drops counted, against a model" {
    run_unit buffer
}

@test "lines: whole again however they were cut, against a model" {
    run_unit lines
}

@test "the runner killed at any instruction: each byte is there once" {
    run_unit killed
}

@test "symbols: functions of files whole, stripped, cut, replaced or no files at all" {
    need gcc strip
    run_unit symbols
}

@test "addr2line: what it says is checked, and one that hangs goes" {
    need gcc
    run_unit addr2line
}

@test "what kernels tell of processes that have ended" {
    run_unit kernel
}

@test "last lines against a model; what differs from run to run is masked" {
    run_unit evidence
}

@test "every unit test is run" {
    for source in "$ROOT"/tests/unit/*.c; do
        grep -q "run_unit $(basename "$source" .c)\$" "$BATS_TEST_DIRNAME/unit.bats"
    done
}
