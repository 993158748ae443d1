// Runs in: helpers of sanitizer and coverage builds, which have a C library.
#include "program.hpp"

int main(int count, char** arguments, char** environment) { return berth_program(count, arguments, environment); }
