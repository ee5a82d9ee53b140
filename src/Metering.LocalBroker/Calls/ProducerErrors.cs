using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Errors of transactional calls as their versions know them.</summary>
internal static class ProducerErrors
{
    /// <summary>Versions before PRODUCER_FENCED have the older name of the same thing.</summary>
    public static ErrorCode Known(ErrorCode error, bool knowsFenced) =>
        error == ErrorCode.ProducerFenced && !knowsFenced ? ErrorCode.InvalidProducerEpoch : error;
}
