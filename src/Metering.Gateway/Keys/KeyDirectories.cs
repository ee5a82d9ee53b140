namespace Metering.Gateway.Keys;

/// <summary>Two directories as one; the first is asked first.</summary>
public sealed class KeyDirectories(IKeyDirectory first, IKeyDirectory second) : IKeyDirectory
{
    public string? NotReady => first.NotReady ?? second.NotReady;

    public ApiKey? Find(in KeyHash secret) => first.Find(secret) ?? second.Find(secret);
}
