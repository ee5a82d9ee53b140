using System.Runtime.InteropServices;

namespace Metering.Cli.Commands;

/// <summary>Ctrl-C and SIGTERM ask for a clean stop; a second one ends the process at once, as the shell's codes say.</summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly TextWriter _error;
    private int _asked;

    public StopSignals(TextWriter error)
    {
        _error = error;
        InheritedSignals.TakeBackInterrupt();
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP])
            _registrations.Add(PosixSignalRegistration.Create(signal, OnSignal));
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>True when a signal asked for the stop.</summary>
    public bool Asked => Volatile.Read(ref _asked) > 0;

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _stop.Dispose();
    }

    /// <summary>Runs on a thread of the pool.</summary>
    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref _asked) == 1)
        {
            _error.WriteLine("stopping; once more ends it at once");
            _stop.Cancel();
            return;
        }
        // 128 + the signal's number, as a shell reports a process that a signal ended.
        Environment.Exit(context.Signal switch { PosixSignal.SIGINT => 130, PosixSignal.SIGHUP => 129, _ => 143 });
    }
}
