namespace Metering.Client.Sending;

/// <summary>The way to the broker: Confluent's producer, or a test's own that delays, fails and reorders.</summary>
internal interface IEventTransport : IDisposable
{
    /// <summary>Queues a token event in wire format; its fate comes to the sink under its slot. False when there is no room now.</summary>
    bool TrySend(ReadOnlySpan<byte> value, int slot);

    /// <summary>Sends a source report and returns when it is acknowledged.</summary>
    Task SendReportAsync(byte[] key, byte[] value);
}

/// <summary>Hears what became of what one transport was given. Called on the transport's threads.</summary>
internal interface IDeliverySink
{
    void Delivered(int slot);

    /// <summary>Something was not, or may not have been, delivered; or the transport is beyond use.</summary>
    void Failed(string reason);
}

/// <param name="slots">Slots run from 0 to slots - 1, each in use once at a time.</param>
internal delegate IEventTransport TransportFactory(IDeliverySink sink, int slots);
