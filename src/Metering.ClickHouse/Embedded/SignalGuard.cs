using System.Runtime.InteropServices;
using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Embedded;

/// <summary>
/// Keeps the process's signal actions over the engine's start. The engine takes over SIGSEGV and signal 34; the .NET
/// runtime needs the first to raise NullReferenceException and the second to suspend threads for a collection.
/// </summary>
internal sealed unsafe partial class SignalGuard
{
    private const int LastSignal = 64;

    // sizeof(struct sigaction) with glibc on x64 and arm64.
    private const int ActionBytes = 152;
    private const int FlagsAt = 136;

    // SIGSEGV and the real-time signal by which the runtime suspends threads.
    private static readonly int[] Vital = [11, 34];

    private readonly byte[][] _saved = new byte[LastSignal + 1][];

    private SignalGuard()
    {
    }

    /// <summary>Reads every signal's action.</summary>
    public static SignalGuard Save()
    {
        var guard = new SignalGuard();
        if (!OperatingSystem.IsLinux())
            return guard;
        for (var signal = 1; signal <= LastSignal; signal++)
            guard._saved[signal] = Read(signal);
        return guard;
    }

    /// <summary>Puts back what was saved and checks the signals that the runtime lives by.</summary>
    /// <exception cref="LedgerException">One of them could not be put back: the process would hang later.</exception>
    public void Restore()
    {
        if (!OperatingSystem.IsLinux())
            return;
        for (var signal = 1; signal <= LastSignal; signal++)
        {
            // SIGKILL, SIGSTOP and glibc's own two (32, 33) have no action that could be read or set.
            if (_saved[signal].Length == 0)
                continue;
            fixed (byte* action = _saved[signal])
                _ = Sigaction(signal, action, null);
        }
        foreach (var signal in Vital)
        {
            if (!IsUnchanged(signal))
                throw new LedgerException($"The embedded engine keeps signal {signal}, which the .NET runtime needs: it cannot run in this process.");
        }
    }

    /// <summary>True when the signal's action is what was saved.</summary>
    public bool IsUnchanged(int signal)
    {
        // Handler, the kernel's 64 signals of the mask, flags. glibc leaves the rest of its own longer mask undefined.
        var now = Read(signal).AsSpan();
        var then = _saved[signal].AsSpan();
        return now[..16].SequenceEqual(then[..16]) && now.Slice(FlagsAt, 4).SequenceEqual(then.Slice(FlagsAt, 4));
    }

    private static byte[] Read(int signal)
    {
        var action = new byte[ActionBytes];
        fixed (byte* old = action)
            return Sigaction(signal, null, old) == 0 ? action : [];
    }

    [LibraryImport("libc", EntryPoint = "sigaction")]
    private static partial int Sigaction(int signal, byte* action, byte* old);
}
