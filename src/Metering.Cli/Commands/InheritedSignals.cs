using System.Runtime.InteropServices;

namespace Metering.Cli.Commands;

/// <summary>
/// A script that starts a program with <c>&amp;</c> hands it an ignored SIGINT, and the .NET runtime leaves ignored what it
/// finds ignored: <c>kill -INT</c> would then do nothing. SIGHUP stays as nohup left it.
/// </summary>
internal static partial class InheritedSignals
{
    private const int Interrupt = 2;
    private const nint Default = 0;
    private const nint Ignored = 1;

    // Larger than struct sigaction anywhere (152 bytes with glibc); the handler is its first field.
    private const int ActionWords = 32;

    /// <summary>Before the first registration, which remembers what it found.</summary>
    public static void TakeBackInterrupt()
    {
        if (OperatingSystem.IsWindows())
            return;
        Span<nint> action = stackalloc nint[ActionWords];
        if (ReadAction(Interrupt, 0, ref MemoryMarshal.GetReference(action)) == 0 && action[0] == Ignored)
            _ = SetAction(Interrupt, Default);
    }

    [LibraryImport("libc", EntryPoint = "sigaction")]
    private static partial int ReadAction(int signal, nint action, ref nint old);

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetAction(int signal, nint handler);
}
