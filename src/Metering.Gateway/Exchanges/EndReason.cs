namespace Metering.Gateway.Exchanges;

/// <summary>Why the gateway gave an exchange up before its upstream had ended it.</summary>
internal enum EndReason
{
    None,

    /// <summary>The client hung up.</summary>
    ClientGone,

    /// <summary>The upstream was silent for too long.</summary>
    TimedOut,

    /// <summary>The gateway stops, and its budget for that is used up.</summary>
    Stopping,

    /// <summary>The stream outran its permit.</summary>
    Outran,

    /// <summary>The upstream broke off, or sent what cannot be passed on.</summary>
    UpstreamBroke,
}
