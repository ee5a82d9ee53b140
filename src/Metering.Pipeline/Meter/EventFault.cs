using Metering.Events;

namespace Metering.Pipeline.Meter;

/// <summary>Why a record cannot be metered: what is wrong where, and what is allowed.</summary>
internal readonly record struct EventFault(DeadLetterReason Reason, string Detail);
