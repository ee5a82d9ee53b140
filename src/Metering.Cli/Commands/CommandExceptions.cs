namespace Metering.Cli.Commands;

/// <summary>A service that a command needs does not answer; the command ends with <see cref="ExitCodes.Unreachable"/>.</summary>
/// <param name="service">What it is, for people: <c>ClickHouse</c>.</param>
/// <param name="address">Where it was looked for, without secrets.</param>
/// <param name="detail">What happened.</param>
/// <param name="fix">What to do.</param>
public sealed class ServiceUnreachableException(string service, string address, string detail, string fix, Exception? inner = null)
    : Exception($"{service} at {address} does not answer ({detail}); {fix}.", inner);

/// <summary>The command cannot do what was asked; its message says why and what to do. Ends with <see cref="ExitCodes.Failed"/>.</summary>
public sealed class CommandFailedException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The arguments do not fit together; ends with <see cref="ExitCodes.WrongUsage"/>.</summary>
public sealed class WrongUsageException(string message) : Exception(message);
