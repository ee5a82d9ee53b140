using System.Net.Sockets;
using System.Threading.Channels;
using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Wire;

/// <summary>
/// Replies of one connection in the order of its requests. A reply waits here for its entry to be durable while the next
/// requests are handled, so that they share one sync of the disk. Bounded in number and in bytes: whoever adds waits.
/// </summary>
internal sealed class ReplyQueue(Socket socket)
{
    private readonly Channel<Reply> _waiting = Channel.CreateBounded<Reply>(
        new BoundedChannelOptions(WireLimits.RepliesWaiting) { SingleReader = true, SingleWriter = true });

    private readonly SemaphoreSlim _sent = new(0);
    private long _bytesWaiting;

    /// <summary>By the receiving task. Takes the reply, also when it throws.</summary>
    public async ValueTask AddAsync(Reply reply, CancellationToken cancellationToken)
    {
        try
        {
            while (Volatile.Read(ref _bytesWaiting) > WireLimits.ReplyBytesWaiting)
                await _sent.WaitAsync(cancellationToken);
            Interlocked.Add(ref _bytesWaiting, reply.Response?.Position ?? 0);
            await _waiting.Writer.WriteAsync(reply, cancellationToken);
        }
        catch
        {
            reply.Response?.Dispose();
            throw;
        }
    }

    public void Complete() => _waiting.Writer.TryComplete();

    /// <summary>The connection's sending task.</summary>
    public async Task SendAllAsync(CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var reply in _waiting.Reader.ReadAllAsync(cancellationToken))
                await SendAsync(reply, cancellationToken);
        }
        finally
        {
            Complete();
            while (_waiting.Reader.TryRead(out var unsent))
                unsent.Response?.Dispose();
        }
    }

    private async Task SendAsync(Reply reply, CancellationToken cancellationToken)
    {
        using var response = reply.Response;
        if (response is null)
            return;
        try
        {
            if (reply is { Entry: > 0, Journal: { } journal })
                await journal.WhenDurableAsync(reply.Entry);
        }
        catch (JournalFailedException)
        {
            response.BecomeLost();
        }
        var rest = response.Complete();
        while (!rest.IsEmpty)
            rest = rest[await socket.SendAsync(rest, cancellationToken)..];
        Interlocked.Add(ref _bytesWaiting, -response.Position);
        if (_sent.CurrentCount == 0)
            _sent.Release();
    }
}
