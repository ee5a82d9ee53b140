namespace Metering.Kafka.Tasks;

/// <summary>
/// The end of a transaction, on a thread of its own while the task processes its next interval: two round trips to the broker in
/// which a task would otherwise stand still. At most one is under way: the producer takes nothing for the next transaction
/// before this one has ended. The task's thread calls everything here.
/// </summary>
internal sealed class CommitInFlight
{
    private readonly Thread _thread;
    private readonly SemaphoreSlim _begun = new(0);
    private readonly SemaphoreSlim _ended = new(0);
    private readonly Action _wake;
    private Action? _call;
    private volatile bool _isDone;
    private bool _closed;
    private Exception? _failure;

    /// <param name="wake">Called on the other thread when it has ended, either way.</param>
    public CommitInFlight(string name, Action wake)
    {
        _wake = wake;
        _thread = new Thread(Run) { IsBackground = true, Name = name };
        _thread.Start();
    }

    /// <summary>One was begun and not finished.</summary>
    public bool IsBegun { get; private set; }

    /// <summary>It was begun and still runs.</summary>
    public bool IsBusy => IsBegun && !_isDone;

    /// <summary>Begins one. The last must be finished.</summary>
    public void Begin(Action call)
    {
        if (IsBegun)
            throw new InvalidOperationException("the last commit is not finished");
        (IsBegun, _isDone, _call) = (true, false, call);
        _begun.Release();
    }

    /// <summary>Waits for its end, if one was begun, and throws what it threw.</summary>
    public void Finish()
    {
        if (WaitForEnd() is { } failure)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }

    /// <summary>Waits for its end and forgets its outcome: the transaction is given up.</summary>
    public void Abandon() => WaitForEnd();

    /// <summary>Ends the thread, after what it does.</summary>
    public void Close()
    {
        Abandon();
        _closed = true;
        _begun.Release();
        _thread.Join();
    }

    private Exception? WaitForEnd()
    {
        if (!IsBegun)
            return null;
        _ended.Wait();
        IsBegun = false;
        var failure = _failure;
        (_failure, _call) = (null, null);
        return failure;
    }

    private void Run()
    {
        while (true)
        {
            _begun.Wait();
            if (_closed)
                return;
            try
            {
                _call!();
            }
            catch (Exception e)
            {
                _failure = e;
            }
            _isDone = true;
            _ended.Release();
            _wake();
        }
    }
}
