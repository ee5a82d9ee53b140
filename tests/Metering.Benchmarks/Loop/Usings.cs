// The stand of the integration tests, which starts and kills the program's processes, asserts by xunit.
global using Xunit;
