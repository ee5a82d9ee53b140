namespace Metering.Registry.Store;

/// <summary>The registry's file is damaged where changes had been acknowledged; the message says where and what can be done.</summary>
public sealed class RegistryCorruptException(string message) : Exception(message);
