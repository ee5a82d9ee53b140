using System.Buffers.Binary;
using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Metering.Benchmarks.Gateways.Load;

/// <summary>
/// Linux's epoll with a timer in it: one thread waits for all sockets and for the next request's moment. The runtime's own sockets
/// cost the generator several times as much CPU, which on a small machine the targets would lack; its timers are a millisecond late.
/// </summary>
internal sealed partial class Epoll : IDisposable
{
    /// <summary>The timer among the tokens.</summary>
    public const int Timer = -1;

    private const int MaxEvents = 256, CloseOnExec = 0x80000, NonBlocking = 0x800, Add = 1, Monotonic = 1, Absolute = 1;
    private const uint Readable = 1;

    // The kernel packs the struct on x86 only.
    private static readonly int EventBytes = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int DataAt = EventBytes - 8;

    private readonly int _epoll = Checked(Create(CloseOnExec));
    private readonly int _timer = Checked(CreateTimer(Monotonic, NonBlocking | CloseOnExec));
    private readonly byte[] _events = new byte[MaxEvents * 16];

    public Epoll() => Watch(_timer, Timer);

    /// <summary>Watches a socket for bytes to read.</summary>
    public void Watch(nint handle, int token)
    {
        Span<byte> wanted = stackalloc byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(wanted, Readable);
        BinaryPrimitives.WriteInt64LittleEndian(wanted[DataAt..], token);
        Checked(Control(_epoll, Add, (int)handle, ref MemoryMarshal.GetReference(wanted)));
    }

    /// <summary>The timer fires at this moment of <see cref="System.Diagnostics.Stopwatch"/>, which counts ns of the same clock.</summary>
    public void SetTimer(long at)
    {
        ReadOnlySpan<long> setting = [0, 0, at / 1_000_000_000, Math.Max(1, at % 1_000_000_000)];
        Checked(SetTime(_timer, Absolute, in MemoryMarshal.GetReference(setting), 0));
    }

    /// <summary>Waits until something can be read or the timer has fired.</summary>
    /// <param name="tokens">Those that are ready, up to the number returned.</param>
    /// <param name="timeoutMs">Then it returns 0.</param>
    public int Wait(Span<int> tokens, int timeoutMs)
    {
        var count = WaitFor(_epoll, ref _events[0], Math.Min(MaxEvents, tokens.Length), timeoutMs);
        if (count < 0 && Marshal.GetLastPInvokeError() == 4) // EINTR
            return 0;
        Checked(count);
        for (var i = 0; i < count; i++)
        {
            tokens[i] = (int)BinaryPrimitives.ReadInt64LittleEndian(_events.AsSpan((i * EventBytes) + DataAt));
            if (tokens[i] == Timer)
                _ = Read(_timer, out _, 8);
        }
        return count;
    }

    public void Dispose()
    {
        _ = Close(_timer);
        _ = Close(_epoll);
    }

    private static int Checked(int result) => result >= 0 ? result : throw new Win32Exception(Marshal.GetLastPInvokeError());

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int Create(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int Control(int epoll, int operation, int handle, ref byte wanted);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int WaitFor(int epoll, ref byte events, int maxEvents, int timeoutMs);

    [LibraryImport("libc", EntryPoint = "timerfd_create", SetLastError = true)]
    private static partial int CreateTimer(int clock, int flags);

    [LibraryImport("libc", EntryPoint = "timerfd_settime", SetLastError = true)]
    private static partial int SetTime(int timer, int flags, in long setting, nint before);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(int handle, out long value, nint bytes);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int handle);
}
