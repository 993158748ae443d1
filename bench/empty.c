/* An empty program: what the kernel alone costs to start and end a static one. */
int main(void) { return 0; }
