using Metering.LocalBroker.Calls;
using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Wire;

/// <param name="Response">Null when the client wants none. The reply owns it.</param>
/// <param name="Entry">What must be durable in <paramref name="Journal"/> before it is sent; 0 = nothing.</param>
/// <param name="CloseAfterwards">Close the connection once it is sent.</param>
internal readonly record struct Reply(ProtocolWriter? Response, IJournal? Journal, long Entry, bool CloseAfterwards);

/// <summary>From a request's bytes to its reply: reads the header, finds the call, runs it. One per connection, one request at a time.</summary>
internal sealed class RequestHandler(CallContext context)
{
    /// <exception cref="MalformedRequestException">Close the connection.</exception>
    /// <exception cref="OperationCanceledException">The client has gone or the broker stops, and there is nothing to say.</exception>
    public async ValueTask<Reply> HandleAsync(ReadOnlyMemory<byte> frame)
    {
        if (context.Sasl.ExpectsToken)
            return SaslAuthenticateCall.AnswerToken(context, frame.Span);
        var (bodyStart, correlationId, isSupported) = ReadHeader(frame.Span);
        var body = frame[bodyStart..];
        var response = new ProtocolWriter(context.IsFlexible);
        try
        {
            response.Int32(correlationId);
            // A client that knows no version of ours yet must be able to read this reply: its header stays the oldest.
            if (context.Call.Key != ApiKey.ApiVersions)
                response.Tags();
            var entry = isSupported ? await RunAsync(body, response) : ApiVersionsCall.AnswerUnsupported(response);
            if (!context.NoReply)
                return new Reply(response, context.State?.Journal, entry, context.CloseAfterwards);
            response.Dispose();
            return new Reply(null, null, 0, context.CloseAfterwards);
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private (int BodyStart, int CorrelationId, bool IsSupported) ReadHeader(ReadOnlySpan<byte> frame)
    {
        var header = new ProtocolReader(frame, flexible: false);
        var key = header.Int16();
        var version = header.Int16();
        var correlationId = header.Int32();
        var call = CallTable.Find(key) ?? throw new MalformedRequestException($"there is no call {key}");
        if (!context.Sasl.Allows(call.Key))
            throw new MalformedRequestException($"{call.Key} before authentication");
        context.Call = call;
        context.NoReply = context.CloseAfterwards = false;
        if (version < call.Min || version > call.Max)
        {
            // As Kafka: only ApiVersions has an answer that a client of any version understands.
            context.Version = 0;
            return call.Key == ApiKey.ApiVersions
                ? (header.Position, correlationId, false)
                : throw new MalformedRequestException($"{call.Key} has no version {version} here");
        }
        context.Version = version;
        context.ClientId = header.ClientId();
        if (!context.IsFlexible)
            return (header.Position, correlationId, true);
        var tags = new ProtocolReader(frame[header.Position..], flexible: true);
        tags.Tags();
        return (header.Position + tags.Position, correlationId, true);
    }

    private async ValueTask<long> RunAsync(ReadOnlyMemory<byte> body, ProtocolWriter response)
    {
        var start = response.Position;
        context.State = context.CurrentState();
        try
        {
            return await CallAsync(body, response);
        }
        catch (JournalFailedException)
        {
            // The disk failed in the midst of it: all that was done is dropped with the state. The same answer as without one.
            response.Rewind(start);
            context.State = null;
            return await CallAsync(body, response);
        }
    }

    private ValueTask<long> CallAsync(ReadOnlyMemory<byte> body, ProtocolWriter response)
    {
        if (context.Call.Later is { } later)
            return later(context, body, response);
        var reader = context.Reader(body);
        return ValueTask.FromResult(context.Call.AtOnce!(context, ref reader, response));
    }
}
