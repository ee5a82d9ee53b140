namespace Metering.LocalBroker.Wire;

/// <summary>Decodes a request, does it and encodes the reply.</summary>
/// <returns>The journal's entry that must be durable before the reply is sent; 0 = none.</returns>
/// <remarks>Without a state the call decodes all the same and answers that the disk fails. All is decoded before anything is done.</remarks>
internal delegate long AnswerAtOnce(CallContext context, ref ProtocolReader request, ProtocolWriter reply);

/// <summary>The same for a call that may wait for others.</summary>
internal delegate ValueTask<long> AnswerLater(CallContext context, ReadOnlyMemory<byte> request, ProtocolWriter reply);

/// <summary>One call and the versions of it that we speak.</summary>
/// <param name="FlexibleFrom">The first version in the flexible form.</param>
internal sealed record ApiCall(ApiKey Key, short Min, short Max, short FlexibleFrom)
{
    /// <summary>A version that no call has.</summary>
    public const short Never = short.MaxValue;

    public AnswerAtOnce? AtOnce { get; init; }

    public AnswerLater? Later { get; init; }
}
