// SPDX-License-Identifier: MIT
/*
 * The program that the processes of "bench events" run.  It does nothing, so that
 * the cost of receiving the events is visible beside the cost of the processes.
 */
int main(void)
{
	return 0;
}
